import Collectives
import Graph
import MPI

/// What ranks with a share each of the optimizer's state tell each other: before an update the norms of their pieces, after it their parameters.
final class ShardExchange {
  /// Where it stands, for the watch.
  let progress: [AllreduceProgress]

  private let buckets: [Range<Int>]
  private var gathering: CollectiveExecutor
  /// Norms are few: this is about rounds.
  private var summing: AllreduceExecutor

  /// Collective.
  ///
  /// - Parameter buckets: as gradients are reduced.
  init(_ sum: ShardedSum, buckets: [Range<Int>], world: borrowing Communicator) throws(MPIError) {
    self.buckets = buckets
    gathering = try .of(sum, ownsThread: false, progress: AllreduceProgress(), world: world)
    summing = try AllreduceExecutor(.recursiveDoubling, on: world)
    progress = [gathering.progress, summing.progress]
  }

  /// Of the parameters. The few bytes of norms are no part of it, as those of verdicts are not.
  var statistics: AllreduceStatistics { gathering.statistics }

  /// Makes a table of norms common to all ranks. A norm is added to zeros alone, so it keeps its bits in whatever order. Collective.
  ///
  /// - Parameters:
  ///   - norms: `StateLayout.normCount` for each piece.
  ///   - own: the pieces whose norms this rank has, as ascending runs of indices in any order.
  func share(_ norms: UnsafeMutableBufferPointer<Double>, own: [Range<Int>]) throws(MPIError) {
    var next = 0
    for run in own.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      norms[next..<run.lowerBound * StateLayout.normCount].update(repeating: 0)
      next = run.upperBound * StateLayout.normCount
    }
    norms[next...].update(repeating: 0)
    try summing.allreduce(norms)
  }

  /// Brings the parameters of a bucket to all ranks from those that have updated them. Collective.
  func gather(_ parameters: Arena, bucket: Int) throws(MPIError) {
    try gathering.allgather(parameters[buckets[bucket]])
  }
}

extension CollectiveExecutor {
  /// One whose chunks are the shares of a sharded run. Collective.
  ///
  /// - Parameter ownsThread: as of `BucketAllreduce`.
  static func of(
    _ sum: ShardedSum, ownsThread: Bool, progress: AllreduceProgress, world: borrowing Communicator
  ) throws(MPIError) -> CollectiveExecutor {
    if let algorithms = sum.algorithms {
      return ownsThread
        ? CollectiveExecutor(algorithms, owning: try world.duplicate(), progress: progress)
        : try CollectiveExecutor(algorithms, on: world, progress: progress)
    }
    return ownsThread
      ? CollectiveExecutor(grain: Bucket.grain, owning: try world.duplicate(), progress: progress)
      : try CollectiveExecutor(grain: Bucket.grain, on: world, progress: progress)
  }
}
