import BLAS
import Graph

/// A first-order optimizer over flat ranges.
public protocol Optimizer: Sendable {
  /// The name in configurations.
  var name: String { get }

  /// How many arenas of the parameters' size it keeps, zero before the first step.
  var stateCount: Int { get }

  /// Applies the update of step `step`, counted from 0, to a range of the parameters. Each range once a step;
  /// disjoint ranges may be updated by several threads at the same time, and on another rank of the host.
  ///
  /// - Parameters:
  ///   - gradients: of the mean loss over the global batch.
  ///   - state: `stateCount` arenas.
  ///   - learningRate: of this step, the schedule's factor applied.
  func update(
    _ range: Range<Int>, parameters: Arena, gradients: Arena, state: [Arena], step: Int, learningRate: Double,
    on pool: ThreadPool)
}

/// Elements of one tile of an update: four ranges of this length stay in a core's second-level cache.
let updateGrain = 32_768
