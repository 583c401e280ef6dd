import Kernels

/// Gradients divided by the root of the sum of all their squares so far, with g' = g + decay · p:
///
///     s ← s + g'²        p ← p - rate · g' / (√s + ε)
///
/// The form of PyTorch's `Adagrad` without a decay of the learning rate: that is what schedules are for. Source: J. Duchi, E. Hazan,
/// Y. Singer, JMLR 12 (2011).
public struct Adagrad: Optimizer {
  public var epsilon: Double
  public var weightDecay: Double

  public init(epsilon: Double = 1e-10, weightDecay: Double = 0) {
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var name: String { "adagrad" }
  public var stateCount: Int { 1 }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    OptimizerKernels.adagrad(
      piece.count, rate: Float(step.learningRate), epsilon: Float(epsilon),
      decay: piece.decays ? Float(weightDecay) : 0, g: piece.gradients, p: piece.parameters, s: piece.state(0)
    )
  }
}
