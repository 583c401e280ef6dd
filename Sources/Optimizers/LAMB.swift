import Kernels

/// Adam's direction with decoupled weight decay, scaled to the norm of each tensor's parameters; for large batches. At step t, counted from 1:
///
///     m ← β₁ m + (1 - β₁) g        v ← β₂ v + (1 - β₂) g²
///     r = m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε) + decay · p
///     p ← p - rate · ratio · r,  ratio = ‖p‖ / ‖r‖, or 1 where either is 0
///
/// Source: Y. You et al., arXiv:1904.00962, algorithm 2, with φ(x) = x. Tensors without weight decay (norms and biases, by
/// `ParameterGroups.Decay.matrices`) have the ratio 1, as in the authors' and all usual implementations.
public struct LAMB: Optimizer {
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-6, weightDecay: Double = 0.01
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var name: String { "lamb" }
  public var stateCount: Int { 2 }
  public var needsNorms: Bool { true }

  /// Of the parameters, and of the direction r.
  public func squaredNorms(_ piece: UpdateOperands, at step: UpdateStep) -> SquaredNorms {
    guard piece.decays else { return SquaredNorms() }
    let sums = OptimizerKernels.lambSums(
      piece.count, kernelStep(piece, at: step, ratio: 1), g: piece.gradients, p: piece.parameters,
      m: piece.state(0), v: piece.state(1))
    return SquaredNorms(sums.parameters, sums.directions)
  }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    let hasRatio = piece.decays && norms.first > 0 && norms.second > 0
    let ratio = hasRatio ? (norms.first / norms.second).squareRoot() : 1
    OptimizerKernels.lamb(
      piece.count, kernelStep(piece, at: step, ratio: ratio), g: piece.gradients, p: piece.parameters,
      m: piece.state(0), v: piece.state(1))
  }

  private func kernelStep(
    _ piece: UpdateOperands, at step: UpdateStep, ratio: Double
  ) -> OptimizerKernels.AdamStep {
    .init(
      beta1: beta1, beta2: beta2, epsilon: epsilon, decay: piece.decays ? weightDecay : 0, at: step,
      rate: step.learningRate * ratio)
  }
}
