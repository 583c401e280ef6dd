import Kernels
import MPI

/// Sums arenas over hosts with several ranks each: in shared memory within a host, by messages between hosts.
///
/// **Words.** A *carrier* is a rank that talks to other hosts. There are as many on every host as the host with the fewest ranks has
/// ranks, C of them: those of the lowest ranks. A range of the arenas is cut into C chunks; carrier c carries chunk c, on every host.
///
/// **Steps.** When all ranks of the host have arrived, carrier c sums chunk c of the host's arenas into its own. It then sums it over the
/// hosts, together with the carriers c of the others and by any algorithm between them; all carriers do so in parallel. At the end it
/// writes the chunk to the other arenas of its host, and all ranks of the host meet again. `reduceScatter` leaves that last step out.
///
/// **Cost.** What already lies in shared memory is not copied into messages and back: each element is read once within the host. A host
/// sends and receives what one rank would: 2 (h - 1) / h of the buffer for a ring over h hosts, however many ranks it has, where a ring
/// over all ranks sends nearly twice the buffer between hosts and passes everything through each rank.
///
/// **Order.** Within a host that of the balanced tree over its ranks, between hosts that of the algorithm. A chunk is summed once on each
/// host, so all ranks hold the same bits.
///
/// **When it wins.** Whenever there are several hosts, and several ranks on some of them.
public final class TwoLevelAllreduce {
  public let arenas: SharedArenas
  /// Carriers on each host.
  public let carriers: Int
  /// What it has done so far, between hosts.
  public private(set) var statistics = AllreduceStatistics()
  /// Where the part between hosts stands.
  public let progress: AllreduceProgress

  /// For each carrier of this rank's chunk its rank in the world; empty on a rank that is none.
  public let peers: [Int]

  private var between: AllreduceExecutor?
  private let merges: [UInt8]
  private let own: [UnsafeMutablePointer<Float>]

  /// Collective over `world`.
  ///
  /// - Parameters:
  ///   - arenas: of the ranks of `world` on this rank's host, in their order: see `Communicator.splitByHost`.
  ///   - executor: makes the executor of the part between hosts, on a communicator of its own.
  public init(
    _ arenas: SharedArenas, world: borrowing Communicator, progress: AllreduceProgress = .init(),
    executor: (consuming Communicator, AllreduceProgress) throws(MPIError) -> AllreduceExecutor
  ) throws(MPIError) {
    self.arenas = arenas
    self.progress = progress
    carriers = try world.allreduce(arenas.size, .minimum)
    merges = ReductionTree(leaves: arenas.size).merges
    own = [arenas.bases[arenas.rank]]
    // The carriers of a chunk, in the order of their ranks.
    if let carrying = try world.split(color: arenas.rank < carriers ? arenas.rank : nil, key: world.rank) {
      peers = try carrying.allgather(world.rank)
      between = try executor(carrying, progress)
    } else {
      peers = []
      between = nil
    }
  }

  /// This rank's chunk of `range`; empty on a rank that is no carrier.
  public func chunk(of range: Range<Int>) -> Range<Int> {
    arenas.rank < carriers
      ? arenas.part(arenas.rank, of: carriers, in: range) : range.upperBound..<range.upperBound
  }

  /// Sums `range` of the arenas over all ranks; every rank gets the result.
  ///
  /// Collective: all ranks call it with the same ranges in the same order.
  public func allreduce(_ range: Range<Int>) throws(MPIError) {
    let start = MPI.wallTime()
    let chunk = try sum(range)
    for rank in 0..<arenas.size where rank != arenas.rank {
      (arenas.bases[rank] + chunk.lowerBound).update(from: own[0] + chunk.lowerBound, count: chunk.count)
    }
    arenas.communication.meet()
    statistics.seconds += MPI.wallTime() - start
  }

  /// Sums this rank's chunk of `range` over all ranks, into this rank's arena.
  ///
  /// Collective: all ranks call it with the same ranges in the same order. When it returns, other ranks of the host may still read this
  /// rank's arena, outside of this rank's chunk: write there after the next rendezvous.
  ///
  /// - Returns: the chunk.
  public func reduceScatter(_ range: Range<Int>) throws(MPIError) -> Range<Int> {
    let start = MPI.wallTime()
    let chunk = try sum(range)
    statistics.seconds += MPI.wallTime() - start
    return chunk
  }

  private func sum(_ range: Range<Int>) throws(MPIError) -> Range<Int> {
    let chunk = chunk(of: range)
    arenas.communication.meet()
    if arenas.size > 1 { Elementwise.fold(chunk, arenas.bases, merges: merges, into: own) }
    try between?.allreduce(UnsafeMutableBufferPointer(start: own[0] + chunk.lowerBound, count: chunk.count))
    statistics.calls += 1
    if let between = between?.statistics {
      statistics.bytesSent = between.bytesSent
      statistics.secondsWaiting = between.secondsWaiting + arenas.communication.secondsWaiting
    }
    return chunk
  }
}
