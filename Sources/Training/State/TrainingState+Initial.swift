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
    clear(0..<layout.core.stateCount)
    beginAverage()
    return TrainingProgress()
  }

  /// Zeroes arenas of state, as they are before the first step.
  func clear(_ states: Range<Int>) {
    let count = layout.core.share?.count ?? layout.core.arenaCount
    for index in states { (firstState + index * stateStride).update(repeating: 0, count: count) }
  }

  /// The average of the weights, if one is kept, begins as they do.
  func beginAverage() {
    guard keepsAverage else { return }
    for range in layout.core.share?.ranges ?? [0..<layout.core.arenaCount] {
      shareOfAverage(range).update(from: parameters.base + range.lowerBound, count: range.count)
    }
  }
}
