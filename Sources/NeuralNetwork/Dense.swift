import Graph
import Kernels

/// y = f(x W + b): a fully connected layer.
///
///     let hidden = Dense("hidden", 256, activation: .relu)(x)
///
/// Shapes: x [..., in], y [..., units]. Parameters: `NAME.weight` [in, units], `NAME.bias` [units] of zeros. The weight is stored
/// in-major: the transpose of PyTorch's `Linear.weight`.
/// Initialisation of the weight, unless given: He's for relu and its kin (leaky relu, gelu, silu), Glorot's for the others.
public struct Dense {
  public var name: String
  public var units: Int
  public var activation: Activation
  public var hasBias: Bool
  public var initializer: Initializer

  public init(
    _ name: String, _ units: Int, activation: Activation = .identity, bias: Bool = true,
    initializer: Initializer? = nil
  ) {
    self.name = name
    self.units = units
    self.activation = activation
    hasBias = bias
    self.initializer =
      initializer
      ?? {
        switch activation {
        case .relu, .leakyRelu, .gelu, .silu: .heNormal
        case .identity, .tanh, .sigmoid: .glorotUniform
        }
      }()
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, addedTo: nil) }

  /// - Parameter residual: [..., units]: what the result is added to.
  public func callAsFunction(_ x: Tensor, addedTo residual: Tensor?) -> Tensor {
    let trace = x.trace
    guard units >= 1 else {
      return trace.fail(ShapeError("expected at least 1 unit, found \(units)", place: "dense \"\(name)\""))
    }
    let weight = trace.parameter("\(name).weight", [x.shape.columns, units], initializer)
    let bias = hasBias ? trace.parameter("\(name).bias", [units], .zeros) : nil
    return dense(x, weight: weight, bias: bias, activation: activation, residual: residual, name: name)
  }
}
