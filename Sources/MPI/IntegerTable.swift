/// A table of per-rank counts or displacements as MPI wants it: C integers at an address that stays put.
///
/// A class, so that a pending call can share in keeping it alive.
final class IntegerTable {
  let values: UnsafeMutablePointer<Int32>
  let count: Int

  /// - Throws: `MPIError` (usage) when a value is negative or above 2^31 - 1: MPI 3.1 cannot express it.
  init(_ table: [Int], limit: Int, _ what: StaticString, in call: StaticString) throws(MPIError) {
    values = .allocate(capacity: max(1, table.count))
    count = table.count
    for (rank, value) in table.enumerated() {
      if value < 0 || value > limit {
        throw MPIError(
          usage: "\(what) \(value) for rank \(rank) is outside 0...\(limit): MPI 3.1 has 32-bit \(what)s; "
            + "use the form with equal counts, or point-to-point messages",
          in: call, class: .count)
      }
      values[rank] = Int32(value)
    }
  }

  deinit { values.deallocate() }
}
