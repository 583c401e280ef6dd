import Collectives
import Graph
import MPI

/// Sums ranges of the gradient arenas over the ranks by messages: of all ranks, in any order or the tree's, for all or a share for each, or on
/// two levels. It belongs to the thread that reduces.
final class BucketAllreduce {
  /// What it has done so far.
  var statistics: AllreduceStatistics {
    var sum =
      switch means {
      case .messages(let messages): messages.executor.statistics
      case .tree(let tree), .shardedTree(let tree): tree.executor.statistics
      case .sharded(let sharded): sharded.executor.statistics
      case .twoLevel(let twoLevel): twoLevel.statistics
      }
    if let copies { sum += copies.executor.statistics }
    return sum
  }
  /// Where it stands, each with the rank of the world for each rank that it may name.
  let progress: [(progress: AllreduceProgress, ranks: [Int]?)]

  private let means: Means
  private let rank: Int
  private let size: Int
  /// What this rank brings: one arena, or for the tree's order one for each of its partial sums. The sum comes to the first.
  private let gradients: [Arena]
  /// Where they lie.
  private let bases: [UnsafeMutablePointer<Float>]
  /// Brings the sums of shares to who keeps copies of these.
  private let copies: ExecutorBox<ChunkCopyExecutor>?

  private enum Means {
    case messages(ExecutorBox<AllreduceExecutor>)
    case tree(ExecutorBox<TreeExecutor>)
    case sharded(ExecutorBox<CollectiveExecutor>)
    case shardedTree(ExecutorBox<TreeExecutor>)
    case twoLevel(TwoLevelAllreduce)
  }

  /// Nil where nothing is sent. Collective.
  ///
  /// - Parameters:
  ///   - leaves: of the tree's order.
  ///   - gradientStride: elements from one gradient arena to the next.
  ///   - arenas: what the ranks of this host share, on two levels.
  ///   - host: the ranks of the world on this host.
  ///   - keepers: who keeps copies of shares, in sharded runs.
  ///   - ownsThread: whether the thread that reduces does so beside others that compute.
  init?(
    _ way: ReductionWay, leaves: Int, wire: WireFormat, gradients: [Arena], gradientStride: Int,
    arenas: SharedArenas?, host: [Int], keepers: ShareKeepers? = nil, ownsThread: Bool,
    world: borrowing Communicator
  ) throws(MPIError) {
    guard gradients[0].count > 0 else { return nil }
    let progress = AllreduceProgress()
    (rank, size) = (world.rank, world.size)
    if let keepers {
      copies = ExecutorBox(
        ChunkCopyExecutor(
          keepers: keepers.keepers, grain: Bucket.grain, owning: try world.duplicate(),
          sharesCore: ownsThread, progress: progress))
    } else {
      copies = nil
    }
    switch way {
    case .messages(let selection):
      let executor =
        ownsThread
        ? AllreduceExecutor(selection, wire: wire, owning: try world.duplicate(), progress: progress)
        : try AllreduceExecutor(selection, wire: wire, on: world, progress: progress)
      means = .messages(ExecutorBox(executor))
      self.progress = [(progress, nil)]
      self.gradients = [gradients[0]]
    case .tree, .sharded(.tree):
      let grain = Bucket.grain
      let executor =
        ownsThread
        ? TreeExecutor(leaves: leaves, grain: grain, owning: try world.duplicate(), progress: progress)
        : try TreeExecutor(leaves: leaves, grain: grain, on: world, progress: progress)
      self.gradients = Array(gradients.prefix(executor.partials.count))
      means = way.isSharded ? .shardedTree(ExecutorBox(executor)) : .tree(ExecutorBox(executor))
      self.progress = [(progress, nil)]
    case .sharded(let sum):
      means = .sharded(
        ExecutorBox(try CollectiveExecutor.of(sum, ownsThread: ownsThread, progress: progress, world: world)))
      self.progress = [(progress, nil)]
      self.gradients = [gradients[0]]
    case .twoLevel(let sum):
      guard let arenas else { preconditionFailure("BucketAllreduce: two levels need shared arenas") }
      let twoLevel =
        switch sum {
        case .anyOrder(let selection):
          try TwoLevelAllreduce(arenas, world: world, progress: progress) { carriers, progress in
            AllreduceExecutor(selection, wire: wire, owning: carriers, progress: progress)
          }
        case .tree:
          try TwoLevelAllreduce(
            arenas, tree: ReductionTree(leaves: leaves), stride: gradientStride, world: world,
            progress: progress)
        }
      means = .twoLevel(twoLevel)
      self.progress = [(progress, twoLevel.peers), (arenas.communication.progress, host)]
      self.gradients = [gradients[0]]
    case .alone, .shared: return nil
    }
    bases = self.gradients.map(\.base)
  }

  /// Whether other threads compute meanwhile, who need the cores. They set it, when they begin and end to wait.
  var isBesideWork: Bool {
    get { progress[0].progress.isBesideWork }
    set { progress[0].progress.isBesideWork = newValue }
  }

  /// Sums a bucket over all ranks; what `share` names of it is then complete in this rank's first arena. Collective.
  func reduce(_ bucket: Range<Int>) throws(MPIError) {
    switch means {
    case .messages(let messages): try messages.executor.allreduce(gradients[0][bucket])
    case .tree(let tree): try tree.executor.allreduce(bases, in: bucket)
    case .sharded(let sharded): try sharded.executor.reduceScatter(gradients[0][bucket])
    case .shardedTree(let tree): try tree.executor.reduceScatter(bases, in: bucket)
    case .twoLevel(let twoLevel): _ = try twoLevel.reduceScatter(bucket)
    }
    // Nobody needs what else was there.
    try copies?.executor.copy(gradients[0][bucket])
  }

  /// The parts of a bucket of which this rank has copies: it updates them as their ranks do.
  func copies(of bucket: Range<Int>) -> [Range<Int>] {
    copies?.executor.kept.map { Bucket.share(of: bucket, rank: $0, size: size) } ?? []
  }

  /// The part of a bucket whose parameters this rank updates. Any thread may ask.
  func share(of bucket: Range<Int>) -> Range<Int> {
    switch means {
    case .messages, .tree: bucket
    case .sharded, .shardedTree: Bucket.share(of: bucket, rank: rank, size: size)
    case .twoLevel(let twoLevel): twoLevel.chunk(of: bucket)
    }
  }
}
