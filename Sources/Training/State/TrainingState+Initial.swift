import Graph
import Logging

extension TrainingState {
  /// The state before the first step: weights as they are drawn from the seed, or from the file that a configuration names; nothing
  /// learnt.
  func initialize(_ graph: Graph, _ configuration: Configuration) throws -> TrainingProgress {
    let count = layout.core.arenaCount
    parameters.base.update(repeating: 0, count: count)
    graph.initialize(parameters, seed: configuration.seed)
    for line in try graph.load(configuration.training.initialWeights, into: parameters) {
      Logger(label: "rondo.training").notice("\(line)")
    }
    for index in 0..<layout.core.stateCount {
      (firstState + index * stateStride).update(repeating: 0, count: layout.core.share?.count ?? count)
    }
    beginAverage()
    return TrainingProgress()
  }

  /// The average of the weights, if one is kept, begins as they do.
  func beginAverage() {
    guard keepsAverage else { return }
    for range in layout.core.share?.ranges ?? [0..<layout.core.arenaCount] {
      shareOfAverage(range).update(from: parameters.base + range.lowerBound, count: range.count)
    }
  }
}
