import Collectives
import Graph
import MPI

/// Sums ranges of the gradient arena between hosts: by messages of all ranks, or on two levels. It belongs to the thread that reduces.
final class BucketAllreduce {
  /// What it has done so far.
  var statistics: AllreduceStatistics {
    switch means {
    case .messages(let messages): messages.executor.statistics
    case .twoLevel(let twoLevel): twoLevel.statistics
    }
  }
  /// Where it stands, each with the rank of the world for each rank that it may name.
  let progress: [(progress: AllreduceProgress, ranks: [Int]?)]

  private let means: Means
  private let gradients: Arena

  private enum Means {
    case messages(Messages)
    case twoLevel(TwoLevelAllreduce)
  }

  /// An enumeration cannot change a noncopyable value in place, but refer to it.
  private final class Messages {
    var executor: AllreduceExecutor
    init(_ executor: consuming AllreduceExecutor) { self.executor = executor }
  }

  /// Collective.
  ///
  /// - Parameters:
  ///   - host: the ranks of the world on this host.
  ///   - ownsThread: whether the thread that reduces does so beside others that compute.
  init?(
    _ way: ReductionWay, wire: WireFormat, gradients: Arena, host: [Int], ownsThread: Bool,
    world: borrowing Communicator
  ) throws(MPIError) {
    self.gradients = gradients
    let progress = AllreduceProgress()
    switch way {
    case .messages(let selection):
      guard world.size > 1, gradients.count > 0 else { return nil }
      let executor =
        ownsThread
        ? AllreduceExecutor(selection, wire: wire, owning: try world.duplicate(), progress: progress)
        : try AllreduceExecutor(selection, wire: wire, on: world, progress: progress)
      means = .messages(Messages(executor))
      self.progress = [(progress, nil)]
    case .twoLevel(let arenas, let selection):
      let twoLevel = try TwoLevelAllreduce(arenas, world: world, progress: progress) { carriers, progress in
        AllreduceExecutor(selection, wire: wire, owning: carriers, progress: progress)
      }
      means = .twoLevel(twoLevel)
      self.progress = [(progress, twoLevel.peers), (arenas.communication.progress, host)]
    case .shared: return nil
    }
  }

  /// Whether other threads compute meanwhile, who need the cores. They set it, when they begin and end to wait.
  var isBesideWork: Bool {
    get { progress[0].progress.isBesideWork }
    set { progress[0].progress.isBesideWork = newValue }
  }

  /// Sums a bucket over all ranks; what `share` names of it is then complete in this rank's arena. Collective.
  func reduce(_ bucket: Range<Int>) throws(MPIError) {
    switch means {
    case .messages(let messages): try messages.executor.allreduce(gradients[bucket])
    case .twoLevel(let twoLevel): _ = try twoLevel.reduceScatter(bucket)
    }
  }

  /// The part of a bucket whose parameters this rank updates. Any thread may ask.
  func share(of bucket: Range<Int>) -> Range<Int> {
    if case .twoLevel(let twoLevel) = means { twoLevel.chunk(of: bucket) } else { bucket }
  }
}
