import Kernels

/// Gradients divided by the root of a running mean of their squares, with g' = g + decay · p:
///
///     s ← α s + (1 - α) g'²
///     without momentum:  p ← p - rate · g' / (√s + ε)
///     with momentum:     v ← momentum · v + g' / (√s + ε);  p ← p - rate · v
///
/// The form of PyTorch's `RMSprop`, not centred. Source: T. Tieleman, G. Hinton, Neural Networks for Machine Learning, lecture 6.5 (2012).
public struct RMSprop: Optimizer {
  /// How much of the mean of squares is kept at a step.
  public var alpha: Double
  public var epsilon: Double
  public var momentum: Double
  public var weightDecay: Double

  public init(alpha: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0, weightDecay: Double = 0) {
    self.alpha = alpha
    self.epsilon = epsilon
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  public var name: String { "rmsprop" }
  public var stateCount: Int { momentum == 0 ? 1 : 2 }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    OptimizerKernels.rmsprop(
      piece.count, rate: Float(step.learningRate), alpha: Float(alpha), epsilon: Float(epsilon),
      momentum: Float(momentum), decay: piece.decays ? Float(weightDecay) : 0, g: piece.gradients,
      p: piece.parameters, s: piece.state(0), v: momentum == 0 ? nil : piece.state(1))
  }
}
