import Graph

/// A function of one tensor, with or without parameters: what `Sequential` and `Residual` are made of.
///
/// A layer of your own is a struct with a `callAsFunction` that adds its parameters, under its own dotted name, to `x.trace`:
///
///     struct Scale: Layer {
///       var name: String
///       func callAsFunction(_ x: Tensor) -> Tensor {
///         dense(x, weight: x.trace.parameter("\(name).weight", [x.shape.columns, 1], .glorotUniform))
///       }
///     }
///
/// A layer is called once in a trace: a second call would add the same names again, which is an error. To use one parameter in two
/// places (*weight tying*) ask the trace for it once and hand the tensor to both operations; its gradient is the sum of both uses.
public protocol Layer {
  func callAsFunction(_ x: Tensor) -> Tensor
}

extension Dense: Layer {}
extension Dropout: Layer {}
extension MultilayerPerceptron: Layer {}
extension BatchNorm: Layer {
  public func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, residual: nil, relu: false) }
}

/// A function of one tensor as a layer, such as `relu`.
public struct Function: Layer {
  private let body: (Tensor) -> Tensor

  public init(_ body: @escaping (Tensor) -> Tensor) { self.body = body }

  public func callAsFunction(_ x: Tensor) -> Tensor { body(x) }
}
