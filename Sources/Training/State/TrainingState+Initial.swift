import Graph

extension TrainingState {
  /// The state before the first step: initial weights, nothing learnt.
  ///
  /// - Parameter averages: whether the last arena of state is a mean of the weights, which begins as they do.
  func initialize(_ graph: Graph, seed: UInt64, averages: Bool) -> TrainingProgress {
    let count = layout.core.arenaCount
    parameters.base.update(repeating: 0, count: count)
    graph.initialize(parameters, seed: seed)
    for index in 0..<layout.core.stateCount {
      let values = firstState + index * stateStride
      if averages, index == layout.core.stateCount - 1 {
        values.update(from: parameters.base, count: count)
      } else {
        values.update(repeating: 0, count: count)
      }
    }
    return TrainingProgress()
  }
}
