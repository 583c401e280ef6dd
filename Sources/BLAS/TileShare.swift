import Synchronization

/// A run of a region's tiles that one thread of a crew takes before it takes others'.
///
/// A region's tiles are shared out in the order of their numbers, the same fraction of every region to the same thread: so a thread finds rows
/// that it wrote in the last region in the caches of its own core, where tiles are rows or elements in the order of memory. On two cores
/// with a last-level cache each, reading what the other core wrote is three times slower.
///
/// `@unchecked Sendable` is safe because `left` is atomic, and `upperBound` is written and read as ``Crew`` says of its job: written before
/// `unclaimed` is, read only after a claim.
final class TileShare: @unchecked Sendable {
  private let left = PaddedCounter()
  private var upperBound = 0

  /// Holds `tiles` from now on. Only while no tile is left.
  func fill(_ tiles: Range<Int>) {
    upperBound = tiles.upperBound
    left.value.store(tiles.count, ordering: .relaxed)
  }

  /// The next tile; nil when none is left.
  func take() -> Int? {
    var count = left.value.load(ordering: .relaxed)
    while count > 0 {
      let taken = left.value.weakCompareExchange(expected: count, desired: count - 1, ordering: .relaxed)
      if taken.exchanged { return upperBound - count }
      count = taken.original
    }
    return nil
  }
}

/// A counter alone on its cache lines (two, since processors fetch them in pairs), so that threads that spin on one do
/// not slow down those who write another.
struct PaddedCounter: ~Copyable {
  private typealias CacheLine = (Int, Int, Int, Int, Int, Int, Int, Int)
  private let before: (CacheLine, CacheLine) = ((0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0))
  let value = Atomic<Int>(0)
}
