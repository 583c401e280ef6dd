import Graph
import Logging

extension TrainingState {
  /// The state before the first step: weights as they are drawn from the seed, or from the file that a configuration names; nothing
  /// learnt.
  ///
  /// - Parameter averages: whether the last arena of state is an average of the weights, which begins as they do.
  func initialize(_ graph: Graph, _ configuration: Configuration, averages: Bool) throws -> TrainingProgress {
    let count = layout.core.arenaCount
    parameters.base.update(repeating: 0, count: count)
    graph.initialize(parameters, seed: configuration.seed)
    for line in try graph.load(configuration.training.initialWeights, into: parameters) {
      Logger(label: "rondo.training").notice("\(line)")
    }
    for index in 0..<layout.core.stateCount {
      let values = firstState + index * stateStride
      let count = layout.core.share?.count ?? count
      if averages, index == layout.core.stateCount - 1 {
        values.update(from: parameters.base, count: count)
      } else {
        values.update(repeating: 0, count: count)
      }
    }
    return TrainingProgress()
  }
}
