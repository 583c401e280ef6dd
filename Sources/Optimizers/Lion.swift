import Kernels

/// The sign of a mix of momentum and gradient, with decoupled weight decay:
///
///     p ← p (1 - rate · decay) - rate · sign(β₁ m + (1 - β₁) g)        m ← β₂ m + (1 - β₂) g
///
/// Every element moves by the learning rate, so that is 3 to 10 times smaller than AdamW's, and the decay as much larger. Source: X. Chen
/// et al., arXiv:2302.06675, algorithm 2.
public struct Lion: Optimizer {
  public var beta1: Double
  public var beta2: Double
  public var weightDecay: Double

  public init(beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
  }

  public var name: String { "lion" }
  public var stateCount: Int { 1 }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    OptimizerKernels.lion(
      piece.count, rate: Float(step.learningRate), beta1: Float(beta1), beta2: Float(beta2),
      decay: piece.decays ? Float(weightDecay) : 0, g: piece.gradients, p: piece.parameters, m: piece.state(0)
    )
  }
}
