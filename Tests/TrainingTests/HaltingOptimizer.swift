import Optimizers

/// An optimizer that stops in the middle of each piece, to be looked at.
struct HaltingOptimizer: Optimizer {
  let whole: any Optimizer
  /// Called with the piece untouched, half written and written.
  let halt: @Sendable () -> Void

  var name: String { whole.name }
  var stateCount: Int { whole.stateCount }
  var needsNorms: Bool { whole.needsNorms }

  func squaredNorms(_ piece: UpdateOperands, at step: UpdateStep) -> SquaredNorms {
    whole.squaredNorms(piece, at: step)
  }

  func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    halt()
    var done = 0
    for count in [piece.count / 2, piece.count - piece.count / 2] {
      let part = UpdateOperands(
        count: count, gradients: piece.gradients + done, parameters: piece.parameters + done,
        firstState: piece.state(0) + done,
        stateStride: whole.stateCount > 1 ? piece.state(1) - piece.state(0) : 0, decays: piece.decays)
      whole.update(part, at: step, norms: norms)
      done += count
      halt()
    }
  }
}
