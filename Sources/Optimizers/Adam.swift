import Kernels

/// Adam with weight decay as a part of the gradient; at step t, counted from 1, with g' = g + decay · p:
///
///     m ← β₁ m + (1 - β₁) g'       v ← β₂ v + (1 - β₂) g'²
///     p ← p - rate · m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)
///
/// The form of PyTorch's `Adam`. Source: D. Kingma, J. Ba, arXiv:1412.6980, algorithm 1. Where weights decay, `AdamW` is the better choice:
/// here the decay of a weight is divided by the size of its gradients.
public struct Adam: Optimizer {
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var name: String { "adam" }
  public var stateCount: Int { 2 }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    OptimizerKernels.adam(
      piece.count,
      .init(
        beta1: beta1, beta2: beta2, epsilon: epsilon, decay: piece.decays ? weightDecay : 0, at: step,
        rate: step.learningRate),
      g: piece.gradients, p: piece.parameters, m: piece.state(0), v: piece.state(1))
  }
}
