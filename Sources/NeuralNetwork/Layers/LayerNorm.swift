import Graph

/// Layer norm: each row gets mean 0 and deviation 1, then a trained gain and bias for each column.
///
/// Shapes: x and y [..., columns]. Parameters: `NAME.gain` [columns] of ones, `NAME.bias` [columns] of zeros.
/// Source: J. Ba et al., arXiv:1607.06450.
public struct LayerNorm: Layer {
  public var name: String
  public var epsilon: Float
  public var hasBias: Bool

  public init(_ name: String, epsilon: Float = 1e-5, bias: Bool = true) {
    self.name = name
    self.epsilon = epsilon
    hasBias = bias
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let gain = x.trace.parameter("\(name).gain", [x.shape.columns], .constant(1))
    let bias = hasBias ? x.trace.parameter("\(name).bias", [x.shape.columns], .zeros) : nil
    return layerNorm(x, gain: gain, bias: bias, epsilon: epsilon, name: name)
  }
}

/// RMS norm: each row is divided by its root mean square, then multiplied with a trained gain for each column.
///
/// Shapes: x and y [..., columns]. Parameter: `NAME.gain` [columns] of ones.
/// Source: B. Zhang, R. Sennrich, arXiv:1910.07467.
public struct RMSNorm: Layer {
  public var name: String
  public var epsilon: Float

  public init(_ name: String, epsilon: Float = 1e-5) {
    self.name = name
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    rmsNorm(
      x, gain: x.trace.parameter("\(name).gain", [x.shape.columns], .constant(1)), epsilon: epsilon,
      name: name)
  }
}
