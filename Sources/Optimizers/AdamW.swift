import Kernels

/// Adam with decoupled weight decay; at step t, counted from 1:
///
///     m ← β₁ m + (1 - β₁) g        v ← β₂ v + (1 - β₂) g²
///     p ← p (1 - rate · decay) - rate · m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)
///
/// Source: I. Loshchilov, F. Hutter, arXiv:1711.05101, algorithm 2, with the decay scaled by the learning rate as in PyTorch's `AdamW`.
public struct AdamW: Optimizer {
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var name: String { "adamw" }
  public var stateCount: Int { 2 }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    OptimizerKernels.adamW(
      piece.count,
      .init(
        beta1: beta1, beta2: beta2, epsilon: epsilon, decay: piece.decays ? weightDecay : 0, at: step,
        rate: step.learningRate),
      g: piece.gradients, p: piece.parameters, m: piece.state(0), v: piece.state(1))
  }
}
