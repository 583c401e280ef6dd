import Kernels
import MPI

/// Sums arenas over the ranks of one host, in place, without messages and without copies: the arenas lie in shared memory.
///
/// **Steps.** A range of the arenas is cut into `size` chunks. When all ranks have arrived, rank r sums chunk r of all arenas and writes
/// the result to all of them, block by block while it is in the cache; when all have done so, the range is complete everywhere.
///
/// **Cost.** Two rendezvous on counters in shared memory, no system call, no message. Each element of each arena is read once and
/// written once: half of what a ring moves, and none of it twice.
///
/// **Order.** The sum is computed once, in the order of a ``ReductionTree``, and written to all: all ranks hold the same bits. The leaves
/// of the tree are the ranks; or finer ones, such as microbatches, of which each rank brings its partial sums, in a buffer each: then the
/// bits are the same for any number of ranks, as those of ``TreeAllreduce``.
///
/// **When it wins.** Whenever all ranks are on one host.
public final class SharedAllreduce {
  public let arenas: SharedArenas
  /// What it has done so far.
  public private(set) var statistics = AllreduceStatistics()
  /// What is summed, in the order of the tree, and the tree.
  private let operands: [UnsafeMutablePointer<Float>]
  private let merges: [UInt8]
  /// Elements of a buffer.
  private let count: Int

  /// Over arenas of all ranks of a host. Not collective.
  public init(_ arenas: SharedArenas) {
    self.arenas = arenas
    operands = arenas.bases
    count = arenas.mine.count
    merges = ReductionTree(leaves: arenas.size).merges
  }

  /// Over arenas that hold, one after the other, as many buffers of `count` elements as the rank has partial sums of `tree`:
  /// `ReductionTree.partials(of:)` of its run. The sum comes to the first.
  public init(_ arenas: SharedArenas, tree: ReductionTree, count: Int) {
    self.arenas = arenas
    self.count = count
    let partials = tree.partials(size: arenas.size)
    precondition(
      partials.allSatisfy { $0.count * count <= arenas.mine.count },
      "SharedAllreduce: expected an arena for \(partials.map(\.count).max() ?? 0) buffers of \(count) elements"
    )
    operands = partials.enumerated().flatMap { rank, partials in
      partials.indices.map { arenas.bases[rank] + $0 * count }
    }
    merges = tree.merges(of: partials.flatMap { $0 })
  }

  /// Sums `range` of the arenas over all ranks; every rank gets the result.
  ///
  /// Collective: all ranks call it with the same ranges in the same order.
  public func allreduce(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count,
      "SharedAllreduce.allreduce: \(range) lies outside of the \(count) elements of the arenas")
    let start = MPI.wallTime()
    let chunk = arenas.part(arenas.rank, of: arenas.size, in: range)
    arenas.computation.meet()
    if operands.count > 1 { Elementwise.fold(chunk, operands, merges: merges, into: arenas.bases) }
    arenas.computation.meet()
    statistics.calls += 1
    statistics.bytesSent += 2 * chunk.count * MemoryLayout<Float>.stride * (arenas.size - 1)
    statistics.seconds += MPI.wallTime() - start
    statistics.secondsWaiting = arenas.computation.secondsWaiting
  }
}
