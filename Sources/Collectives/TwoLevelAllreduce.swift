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
/// host, so all ranks hold the same bits. Or the order of a ``ReductionTree`` over finer leaves, such as microbatches, of which each rank
/// brings its partial sums: carrier c adds up those of its host as far as the tree allows, and ``TreeAllreduce`` adds what is left of all
/// hosts. Then the bits are the same for any number of ranks and hosts, and messages are those of one rank a host.
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

  private let between: Between
  /// What is added up within the host, chunk by chunk.
  private let sums: [Fold]
  /// Where they come to.
  private let results: [UnsafeMutablePointer<Float>]
  private let own: UnsafeMutablePointer<Float>

  /// Buffers of the host's ranks that become one: the result goes to one of the operands.
  private struct Fold {
    let operands: [UnsafeMutablePointer<Float>]
    let merges: [UInt8]
    let result: [UnsafeMutablePointer<Float>]
  }

  private enum Between {
    /// This rank is no carrier.
    case nothing
    case anyOrder(ExecutorBox<AllreduceExecutor>)
    case tree(ExecutorBox<TreeExecutor>)
  }

  /// Collective over `world`.
  ///
  /// - Parameters:
  ///   - arenas: of the ranks of `world` on this rank's host, in their order: see `Communicator.splitByHost`.
  ///   - executor: makes the executor of the part between hosts, on a communicator of its own.
  public convenience init(
    _ arenas: SharedArenas, world: borrowing Communicator, progress: AllreduceProgress = .init(),
    executor: (consuming Communicator, AllreduceProgress) throws(MPIError) -> AllreduceExecutor
  ) throws(MPIError) {
    let sum = Fold(
      operands: arenas.bases, merges: ReductionTree(leaves: arenas.size).merges,
      result: [arenas.bases[arenas.rank]])
    try self.init(arenas, sums: [sum], world: world, progress: progress) {
      carriers, progress throws(MPIError) in
      .anyOrder(ExecutorBox(try executor(carriers, progress)))
    }
  }

  /// In the order of a tree: the arenas hold, one after the other, as many buffers as the rank has partial sums of it,
  /// `ReductionTree.partials(of:)` of its run. The sum comes to the first; the others are undefined after a call.
  ///
  /// Collective over `world`, whose hosts have blocks of its ranks: see `HostLayout.isInBlocks`.
  ///
  /// - Parameter stride: elements from one of a rank's buffers to the next.
  public convenience init(
    _ arenas: SharedArenas, tree: ReductionTree, stride: Int, world: borrowing Communicator,
    progress: AllreduceProgress = .init()
  ) throws(MPIError) {
    let (size, first) = (world.size, world.rank - arenas.rank)
    let firsts = try world.allgather(first)
    let blocks = (0..<size).filter { firsts[$0] == $0 }
    precondition(
      (0..<size).allSatisfy { firsts[$0] == $0 || firsts[$0] == firsts[$0 - 1] },
      "rank \(world.rank): TwoLevelAllreduce: expected blocks of ranks on the hosts, found first ranks \(firsts)"
    )
    // What one rank in the place of each host's would hold.
    let hostRuns = zip(blocks, blocks.dropFirst() + [size]).map { block, next in
      tree.run(ofRank: block, size: size).lowerBound..<tree.run(ofRank: next - 1, size: size).upperBound
    }
    var operands: [(partial: Range<Int>, buffer: UnsafeMutablePointer<Float>)] = []
    for (member, partials) in tree.partials(size: size)[first..<first + arenas.size].enumerated() {
      for (index, partial) in partials.enumerated() {
        operands.append((partial, arenas.bases[member] + index * stride))
      }
    }
    let hostRun = hostRuns[blocks.firstIndex(of: first) ?? 0]
    let sums = tree.partials(of: hostRun).map { partial in
      let inside = operands.filter { partial.contains($0.partial) }
      return Fold(
        operands: inside.map(\.buffer), merges: tree.merges(of: inside.map(\.partial), in: partial),
        result: [inside[0].buffer])
    }
    try self.init(arenas, sums: sums, world: world, progress: progress) {
      carriers, progress throws(MPIError) in
      .tree(
        ExecutorBox(TreeExecutor(leaves: tree.leaves, runs: hostRuns, owning: carriers, progress: progress)))
    }
  }

  private init(
    _ arenas: SharedArenas, sums: [Fold], world: borrowing Communicator, progress: AllreduceProgress,
    between: (consuming Communicator, AllreduceProgress) throws(MPIError) -> Between
  ) throws(MPIError) {
    self.arenas = arenas
    self.sums = sums
    results = sums.map { $0.result[0] }
    self.progress = progress
    carriers = try world.allreduce(arenas.size, .minimum)
    own = arenas.bases[arenas.rank]
    // The carriers of a chunk, in the order of their ranks.
    if let carrying = try world.split(color: arenas.rank < carriers ? arenas.rank : nil, key: world.rank) {
      peers = try carrying.allgather(world.rank)
      self.between = try between(carrying, progress)
    } else {
      peers = []
      self.between = .nothing
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
      (arenas.bases[rank] + chunk.lowerBound).update(from: own + chunk.lowerBound, count: chunk.count)
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
    for sum in sums where sum.operands.count > 1 {
      Elementwise.fold(chunk, sum.operands, merges: sum.merges, into: sum.result)
    }
    let part = own + chunk.lowerBound
    switch between {
    case .nothing: break
    case .anyOrder(let between):
      try between.executor.allreduce(UnsafeMutableBufferPointer(start: part, count: chunk.count))
    case .tree(let between):
      try between.executor.allreduce(results, in: chunk)
      if results[0] != own { part.update(from: results[0] + chunk.lowerBound, count: chunk.count) }
    }
    statistics.calls += 1
    let sent: AllreduceStatistics? =
      switch between {
      case .nothing: nil
      case .anyOrder(let between): between.executor.statistics
      case .tree(let between): between.executor.statistics
      }
    if let sent {
      statistics.bytesSent = sent.bytesSent
      statistics.secondsWaiting = sent.secondsWaiting + arenas.communication.secondsWaiting
    }
    return chunk
  }
}
