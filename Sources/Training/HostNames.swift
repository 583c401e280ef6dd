import MPI

/// The names of the machines of all ranks.
enum HostNames {
  /// Longer names are cut.
  private static let bytes = 64

  /// The name of each rank's machine, in the order of the ranks. Collective.
  static func all(on world: borrowing Communicator) throws(MPIError) -> [String] {
    var table = [UInt8](repeating: 0, count: bytes * world.size)
    for (index, byte) in MPI.processorName.utf8.prefix(bytes).enumerated() {
      table[world.rank * bytes + index] = byte
    }
    var span = table.mutableSpan
    try world.allgather(&span)
    return (0..<world.size).map { rank in
      String(decoding: table[rank * bytes..<(rank + 1) * bytes].prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
