import Kernels
import MPI
import Synchronization

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
  /// When what happened in the last `reduceScatter`.
  public private(set) var latest = Phases()
  /// What is summed, in the order of the tree, and the tree.
  private let operands: [UnsafeMutablePointer<Float>]
  private let merges: [UInt8]
  /// Where this rank's sum goes.
  private let own: [UnsafeMutablePointer<Float>]
  private let cut: Cut

  /// Moments of a call, in `MPI.wallTime`.
  public struct Phases: Sendable {
    public var began = 0.0
    /// All ranks had arrived.
    public var met = 0.0
    /// This rank's chunk was summed and used.
    public var done = 0.0
    /// All ranks were done.
    public var ended = 0.0
    /// The share of the time between `met` and `done` that was spent summing. Sums and uses alternate on all threads; the rest was use.
    public var summingShare = 1.0

    public init() {}
  }

  /// Calls its second argument with ranges that cover `0..<` its first, on as many threads as it likes.
  public typealias Cut = (Int, (Range<Int>) -> Void) -> Void

  /// Over arenas of all ranks of a host. Not collective.
  public init(_ arenas: SharedArenas, cut: @escaping Cut = { count, body in body(0..<count) }) {
    self.arenas = arenas
    self.cut = cut
    operands = arenas.bases
    merges = ReductionTree(leaves: arenas.size).merges
    own = [arenas.bases[arenas.rank]]
  }

  /// Over arenas that hold, one after the other, as many buffers of `count` elements as the rank has partial sums of `tree`:
  /// `ReductionTree.partials(of:)` of its run. The sum comes to the first.
  public init(
    _ arenas: SharedArenas, tree: ReductionTree, count: Int,
    cut: @escaping Cut = { count, body in body(0..<count) }
  ) {
    self.arenas = arenas
    self.cut = cut
    let partials = (0..<arenas.size).map { tree.partials(of: tree.run(ofRank: $0, size: arenas.size)) }
    precondition(
      partials.allSatisfy { $0.count * count <= arenas.mine.count },
      "SharedAllreduce: expected an arena for \(partials.map(\.count).max() ?? 0) buffers of \(count) elements"
    )
    operands = partials.enumerated().flatMap { rank, partials in
      partials.indices.map { arenas.bases[rank] + $0 * count }
    }
    merges = tree.merges(of: partials.flatMap { $0 })
    own = [arenas.bases[arenas.rank]]
  }

  /// Sums `range` of the arenas over all ranks; every rank gets the result.
  ///
  /// Collective: all ranks call it with the same ranges in the same order.
  public func allreduce(_ range: Range<Int>) {
    measure(range, moves: 2) { chunk in
      arenas.computation.meet()
      cut(chunk.count) { part in sum(part.shifted(by: chunk.lowerBound), into: arenas.bases) }
      arenas.computation.meet()
    }
  }

  /// Sums this rank's chunk of `range` over all ranks, into this rank's arena, and gives it to `use`, piece by piece while a piece is in
  /// the cache. What `use` wrote to shared memory is there for all ranks after the call.
  ///
  /// Collective: all ranks call it with the same ranges in the same order. The other chunks of this rank's arena keep their values until
  /// the call returns.
  ///
  /// - Parameter use: called by the threads of `cut`, with ranges of the arena.
  public func reduceScatter(_ range: Range<Int>, use: (Range<Int>) -> Void) {
    let sums = Atomic(0)
    let uses = Atomic(0)
    measure(range, moves: 1) { chunk in
      latest = Phases()
      latest.began = MPI.wallTime()
      arenas.computation.meet()
      latest.met = MPI.wallTime()
      cut(chunk.count) { part in
        let piece = part.shifted(by: chunk.lowerBound)
        let began = MPI.wallTime()
        sum(piece, into: own)
        let summed = MPI.wallTime()
        use(piece)
        sums.wrappingAdd(Int((summed - began) * 1e9), ordering: .relaxed)
        uses.wrappingAdd(Int((MPI.wallTime() - summed) * 1e9), ordering: .relaxed)
      }
      latest.done = MPI.wallTime()
      let (summing, using) = (sums.load(ordering: .relaxed), uses.load(ordering: .relaxed))
      latest.summingShare = 1 - Double(using) / max(1, Double(summing + using))
      statistics.seconds -= (latest.done - latest.met) * (1 - latest.summingShare)
      arenas.computation.meet()
      latest.ended = MPI.wallTime()
    }
  }

  private func sum(_ range: Range<Int>, into results: [UnsafeMutablePointer<Float>]) {
    guard operands.count > 1 else { return }
    Elementwise.fold(range, operands, merges: merges, into: results)
  }

  /// - Parameter moves: how often each element of the chunk goes from rank to rank.
  private func measure(_ range: Range<Int>, moves: Int, _ body: (_ chunk: Range<Int>) -> Void) {
    let start = MPI.wallTime()
    let chunk = arenas.part(arenas.rank, of: arenas.size, in: range)
    body(chunk)
    statistics.calls += 1
    statistics.bytesSent += moves * chunk.count * MemoryLayout<Float>.stride * (arenas.size - 1)
    statistics.seconds += MPI.wallTime() - start
    statistics.secondsWaiting = arenas.computation.secondsWaiting
  }
}
