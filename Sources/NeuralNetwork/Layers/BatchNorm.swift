import Graph

/// Batch normalisation over all axes but the last, by the microbatch's mean and variance in training and by running ones in
/// evaluation.
///
/// Shapes: x [samples, ..., channels], y like x. Parameters: `NAME.weight` [channels] of ones (γ), `NAME.bias` [channels] of zeros (β),
/// and the statistics `NAME.runningMean` and `NAME.runningVariance` [channels].
public struct BatchNorm {
  public var name: String
  /// How far a step moves the running statistics towards its own.
  public var momentum: Float
  public var epsilon: Float
  /// First value of γ. A block whose last norm begins with 0 begins as the identity.
  public var firstScale: Float

  public init(_ name: String, momentum: Float = 0.1, epsilon: Float = 1e-5, firstScale: Float = 1) {
    self.name = name
    self.momentum = momentum
    self.epsilon = epsilon
    self.firstScale = firstScale
  }

  /// - Parameters:
  ///   - residual: like `x`, added to the result before relu.
  ///   - relu: whether negative results become 0.
  public func callAsFunction(_ x: Tensor, residual: Tensor? = nil, relu: Bool = false) -> Tensor {
    let trace = x.trace
    let channels: Shape = [x.shape.columns]
    return batchNorm(
      x, scale: trace.parameter("\(name).weight", channels, .constant(firstScale)),
      shift: trace.parameter("\(name).bias", channels, .zeros),
      runningMean: trace.statistic("\(name).runningMean", channels, initial: 0, momentum: momentum),
      runningVariance: trace.statistic("\(name).runningVariance", channels, initial: 1, momentum: momentum),
      residual: residual, relu: relu, epsilon: epsilon, name: name)
  }
}
