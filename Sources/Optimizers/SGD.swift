import Kernels

/// Stochastic gradient descent, with g' = g + decay · p:
///
///     without momentum:  p ← p - rate · g'
///     with momentum:     v ← momentum · v + g';  p ← p - rate · v
///     Nesterov:          v ← momentum · v + g';  p ← p - rate · (g' + momentum · v)
///
/// The form of PyTorch's `SGD` without dampening. Source: I. Sutskever et al., ICML 2013.
public struct SGD: Optimizer {
  public var momentum: Double
  public var nesterov: Bool
  public var weightDecay: Double

  public init(momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0) {
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
  }

  public var name: String { "sgd" }
  public var stateCount: Int { momentum == 0 ? 0 : 1 }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    OptimizerKernels.sgd(
      piece.count, rate: Float(step.learningRate), momentum: Float(momentum),
      decay: piece.decays ? Float(weightDecay) : 0, nesterov: nesterov, g: piece.gradients,
      p: piece.parameters, v: momentum == 0 ? nil : piece.state(0))
  }
}
