/// Brings updates that were cut off to their end.
struct UpdateFinisher {
  /// For the memory of a state.
  let update: (TrainingState) -> ParameterUpdate
  /// Of a step.
  let learningRate: (Int) -> Double

  /// As of `ParameterUpdate`.
  func finish(_ state: TrainingState) -> Int? { update(state).finish(learningRate: learningRate) }
}
