import Kernels
import MPI
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Sums float32 arenas over the ranks of one host, in place, without copying: the arenas themselves lie in shared memory.
///
/// **Steps.** A range of the arenas is cut into `size` chunks. When all ranks have arrived, rank r sums chunk r of all arenas and writes
/// the result to all of them, block by block while it is in the cache; when all have done so, the range is complete everywhere.
///
/// **Cost.** Two rendezvous on counters in shared memory, no system call, no message. Each element of each arena is read once and
/// written once: half of what a ring moves, and none of it twice. The sum is computed once, in ascending order of the ranks, and
/// written to all: all ranks hold the same bits.
///
/// **When it wins.** Whenever all ranks are on one host.
///
/// A rank that dies leaves the others polling until the launcher ends the job, as it does at once.
public final class SharedAllreduce {
  /// This rank's arena: `count` elements, on a 64-byte boundary, zero at first.
  public let arena: UnsafeMutableBufferPointer<Float>
  /// What it has done so far.
  public private(set) var statistics = AllreduceStatistics()

  private let rank: Int
  private let arenas: [UnsafeMutablePointer<Float>]
  /// Each rank's number of rendezvous reached, each on a cache line of its own.
  private let reached: [UnsafeMutablePointer<Atomic<Int>>]
  private var rendezvous = 0
  private var window: SharedWindow<Float>?

  /// Elements in front of an arena: what the next 128-byte boundary takes, and the counter of the rank.
  private static let header = 64
  private static let boundary = 64

  /// Allocates an arena on each rank of `host`.
  ///
  /// Collective; all ranks ask for the same count and share memory: see `Communicator.splitByHost`.
  public init(count: Int, on host: borrowing Communicator) throws(MPIError) {
    let window = try SharedWindow<Float>(count: Self.header + count, on: host)
    var arenas: [UnsafeMutablePointer<Float>] = []
    var reached: [UnsafeMutablePointer<Atomic<Int>>] = []
    for rank in 0..<host.size {
      guard let base = try window.part(of: rank).baseAddress else {
        preconditionFailure("SharedAllreduce: rank \(rank) was given no memory")
      }
      // The same in all processes: mappings begin on pages, so an address is the same modulo 128 in each.
      let start = UnsafeMutableRawPointer(base).alignedUp(toMultipleOf: 128)
      reached.append(start.bindMemory(to: Atomic<Int>.self, capacity: 1))
      arenas.append((start + Self.boundary).bindMemory(to: Float.self, capacity: count))
    }
    rank = host.rank
    self.arenas = arenas
    self.reached = reached
    arena = UnsafeMutableBufferPointer(start: arenas[host.rank], count: count)
    self.window = consume window
    try host.barrier()
  }

  /// Bytes of shared memory that so many ranks with arenas of `count` elements take.
  public static func bytes(count: Int, ranks: Int) -> Int {
    (header + count) * MemoryLayout<Float>.stride * ranks
  }

  /// Frees the arenas. Collective; nothing may touch them afterwards.
  public func free() { window = nil }

  deinit {
    // Dropped without `free`: on the way of an error, on which the other ranks may never come to free it.
    if let window = window.take() { window.abandon() }
  }

  /// Sums `range` of the arenas over all ranks; every rank gets the result.
  ///
  /// Collective: all ranks call it with the same ranges in the same order.
  ///
  /// - Parameter cut: calls its second argument with ranges that cover `0..<` its first, on as many threads as it likes.
  public func allreduce(
    _ range: Range<Int>, cut: (Int, (Range<Int>) -> Void) -> Void = { count, body in body(0..<count) }
  ) {
    let start = MPI.wallTime()
    let size = arenas.count
    let from = boundary(range, rank)
    let chunk = from..<boundary(range, rank + 1)
    if size > 1 {
      meet()
      cut(chunk.count) { part in
        Elementwise.sumToAll(
          chunk.lowerBound + part.lowerBound..<chunk.lowerBound + part.upperBound, arenas)
      }
      meet()
    }
    statistics.calls += 1
    statistics.bytesSent += 2 * chunk.count * MemoryLayout<Float>.stride * (size - 1)
    statistics.seconds += MPI.wallTime() - start
  }

  /// Where chunk `index` begins: chunks of nearly equal size that begin on cache lines, so that no two ranks write to one.
  private func boundary(_ range: Range<Int>, _ index: Int) -> Int {
    if index == arenas.count { return range.upperBound }
    let place = range.lowerBound + range.count * index / arenas.count
    return max(range.lowerBound, place & ~15)
  }

  /// Waits until all ranks are here. What each wrote before is there for every other after.
  private func meet() {
    rendezvous += 1
    reached[rank].pointee.store(rendezvous, ordering: .releasing)
    var began = 0.0
    for other in reached.indices where other != rank {
      var polls = 0
      while reached[other].pointee.load(ordering: .acquiring) < rendezvous {
        if began == 0 { began = MPI.wallTime() }
        polls += 1
        if polls > Patience.sharedCore.polls { sched_yield() }
      }
    }
    if began > 0 { statistics.secondsWaiting += MPI.wallTime() - began }
  }
}
