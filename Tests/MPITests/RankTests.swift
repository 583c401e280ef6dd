import MPI
import MPITestSupport
import Testing

/// The parent of all suites of this bundle that talk over MPI: its tests run one at a time, in the same order
/// on all ranks.
@Suite(.serialized) struct RankTests {}

/// The forms that each collective has.
enum Form: CaseIterable, Sendable { case blocking, blockingInPlace, started, startedInPlace, owned }

/// MPI's own limit, and one so small that every count above 3 takes the way of counts above 2^31 - 1.
let pieceLimits = [1 << 30, 3]

/// Runs `body` on a world whose calls are cut at `limit` elements.
func withWorld(pieceLimit limit: Int, _ body: (borrowing Communicator) throws -> Void) throws {
  try withWorld { world in
    var cut = try world.duplicate()
    cut.pieceLimit = limit
    try body(cut)
  }
}

/// The lengths that break algorithms: none, one, about one per rank, and some that nothing divides.
func lengths(_ size: Int) -> [Int] { [0, 1, size - 1, size, size + 1, 70, 1_003] }

/// Element `i` of rank `rank`'s buffer: every rank and every place differs from all others.
func element(_ rank: Int, _ i: Int) -> Int32 { Int32(rank * 10_000 + i) }

func elements(of rank: Int, count: Int) -> [Int32] { (0..<count).map { element(rank, $0) } }

/// Fills buffers that MPI is to write, so that what it left alone shows.
let untouched = Int32(-77)

/// An out-of-place call, blocking or started, on `source` and a fresh destination of `count` elements.
func outOfPlace<T: MPIScalar>(
  _ source: [T], count: Int, fill: T,
  _ body: (Span<T>, inout MutableSpan<T>) throws -> Void
) throws -> [T] {
  var destination = [T](repeating: fill, count: count)
  var span = destination.mutableSpan
  try body(source.span, &span)
  return destination
}

/// An in-place call on a copy of `values`.
func inPlace<T: MPIScalar>(_ values: [T], _ body: (inout MutableSpan<T>) throws -> Void) throws -> [T] {
  var values = values
  var span = values.mutableSpan
  try body(&span)
  return values
}

/// What `body` throws, which has to be an `MPIError`.
func mpiError(_ body: () throws -> Void) -> MPIError? {
  do {
    try body()
    return nil
  } catch {
    return error as? MPIError
  }
}
