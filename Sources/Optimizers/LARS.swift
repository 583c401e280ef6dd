import Kernels

/// Momentum with a learning rate of its own for each tensor, in proportion to the norm of its parameters; for large batches:
///
///     ratio = trust · ‖p‖ / (‖g‖ + decay · ‖p‖), or 1 where ‖p‖ or ‖g‖ is 0
///     v ← momentum · v + rate · ratio · (g + decay · p)        p ← p - v
///
/// Source: Y. You, I. Gitman, B. Ginsburg, arXiv:1708.03888, algorithm 1. Tensors without weight decay (norms and biases, by
/// `ParameterGroups.Decay.matrices`) have the ratio 1, as in the authors' and all usual implementations: they begin at 0 or 1, and their
/// norms say little.
public struct LARS: Optimizer {
  public var momentum: Double
  public var weightDecay: Double
  /// How far a step may move a tensor, relative to its norm and for a learning rate of 1.
  public var trustCoefficient: Double

  public init(momentum: Double = 0.9, weightDecay: Double = 0, trustCoefficient: Double = 0.001) {
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.trustCoefficient = trustCoefficient
  }

  public var name: String { "lars" }
  public var stateCount: Int { 1 }
  public var needsNorms: Bool { true }

  /// Of the parameters, and of the gradients.
  public func squaredNorms(_ piece: UpdateOperands, at step: UpdateStep) -> SquaredNorms {
    guard piece.decays else { return SquaredNorms() }
    return SquaredNorms(
      OptimizerKernels.sumOfSquares(piece.count, piece.parameters),
      OptimizerKernels.sumOfSquares(piece.count, piece.gradients))
  }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    let (parameters, gradients) = (norms.first.squareRoot(), norms.second.squareRoot())
    let hasRatio = piece.decays && parameters > 0 && gradients > 0
    let ratio = hasRatio ? trustCoefficient * parameters / (gradients + weightDecay * parameters) : 1
    OptimizerKernels.lars(
      piece.count, rate: Float(step.learningRate * ratio), momentum: Float(momentum),
      decay: piece.decays ? Float(weightDecay) : 0, g: piece.gradients, p: piece.parameters, v: piece.state(0)
    )
  }
}
