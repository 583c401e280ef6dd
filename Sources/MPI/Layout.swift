/// A table of per-rank counts or displacements as MPI wants it: C integers at an address that stays put.
///
/// A class, so that a pending call can share in keeping it alive.
final class IntegerTable {
  let values: UnsafeMutablePointer<Int32>

  /// - Throws: `MPIError` (usage) when a value is negative or above 2^31 - 1: MPI 3.1 cannot express it.
  init(_ table: [Int], _ what: StaticString, in call: StaticString) throws(MPIError) {
    values = .allocate(capacity: max(1, table.count))
    for (rank, value) in table.enumerated() {
      guard value >= 0, let value32 = Int32(exactly: value) else {
        throw MPIError(
          usage:
            "\(what) \(value) of rank \(rank) is outside 0...\(Int32.max), all that MPI 3.1 can express: "
            + "use the form with equal counts, or point-to-point messages",
          in: call, class: .count)
      }
      values[rank] = value32
    }
  }

  deinit { values.deallocate() }
}

/// Where the blocks of the ranks lie in one buffer, when they are not all of one length.
struct Layout {
  let counts: IntegerTable
  let displacements: IntegerTable
  /// Whether all counts are 0.
  let isEmpty: Bool

  /// Checks and converts what the caller gave.
  ///
  /// - Parameters:
  ///   - counts: the length of each rank's block, in elements.
  ///   - displacements: where each block starts, in elements; nil when they follow one another without gaps.
  ///   - buffer: the buffer they have to fit in, in elements.
  ///   - size: the number of ranks.
  init(
    counts: [Int], displacements: [Int]?, in buffer: Int, size: Int, call: StaticString
  ) throws(MPIError) {
    try Self.checkTable(counts, "counts", size: size, call: call)
    if let displacements { try Self.checkTable(displacements, "displacements", size: size, call: call) }
    isEmpty = counts.allSatisfy { $0 == 0 }
    self.counts = try IntegerTable(counts, "count", in: call)
    let displacements = displacements ?? Self.packed(counts)
    self.displacements = try IntegerTable(displacements, "displacement", in: call)
    for rank in 0..<size where counts[rank] > 0 && displacements[rank] + counts[rank] > buffer {
      throw MPIError(
        usage: "the block of rank \(rank) is \(displacements[rank])..<\(displacements[rank] + counts[rank]), "
          + "the buffer has \(buffer) elements",
        in: call, class: .count)
    }
  }

  static func checkTable(_ table: [Int], _ what: StaticString, size: Int, call: StaticString) throws(MPIError)
  {
    guard table.count == size else {
      throw MPIError(
        usage: "expected \(size) \(what), one per rank, found \(table.count)", in: call, class: .argument)
    }
  }

  /// Displacements of blocks that follow one another.
  private static func packed(_ counts: [Int]) -> [Int] {
    var next = 0
    return counts.map { count in
      defer { next += count }
      return next
    }
  }
}
