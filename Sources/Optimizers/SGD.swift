import BLAS
import Graph
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

  public func update(
    _ range: Range<Int>, parameters: Arena, gradients: Arena, state: [Arena], step: Int, learningRate: Double,
    on pool: ThreadPool
  ) {
    let velocity = momentum == 0 ? nil : state[0]
    pool.run(over: range.count, grain: updateGrain) { tile in
      let first = range.lowerBound + tile.lowerBound
      OptimizerKernels.sgd(
        tile.count, rate: Float(learningRate), momentum: Float(momentum), decay: Float(weightDecay),
        nesterov: nesterov, g: gradients.base + first, p: parameters.base + first,
        v: velocity.map { $0.base + first })
    }
  }
}
