import Kernels

/// y = f(x), element by element. Shapes: x and y alike.
struct ActivationOperation: Operation {
  let activation: Activation

  var name: String { activation.rawValue }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { inputs[0] }
  var backwardReads: BackwardReads { activation.gradientNeedsInput ? .inputs(0) : .output }
  var forwardInPlace: Int? { activation.gradientNeedsInput ? nil : 0 }
  var gradientInPlace: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let (x, y) = (context.input(0), context.output)
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      activation.apply(count: $0.count, x: x + $0.lowerBound, y: y + $0.lowerBound)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let known = activation.gradientNeedsInput ? context.input(0) : context.output
    let dy = context.outputGradient
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) { range in
      let first = range.lowerBound
      let target = gradient.accumulates ? dy : gradient.pointer
      activation.gradient(count: range.count, known: known + first, dy: dy + first, dx: target + first)
      if gradient.accumulates { Elementwise.add(range.count, to: gradient.pointer + first, dy + first) }
    }
  }
}

extension Tensor {
  private func activated(_ activation: Activation) -> Tensor {
    trace.record(ActivationOperation(activation: activation), self)
  }

  /// max(x, 0), element by element.
  public func relu() -> Tensor { activated(.relu) }

  /// x where x > 0, else x / 100, element by element.
  public func leakyRelu() -> Tensor { activated(.leakyRelu) }

  /// tanh x, element by element.
  public func tanh() -> Tensor { activated(.tanh) }

  /// 1 / (1 + e⁻ˣ), element by element.
  public func sigmoid() -> Tensor { activated(.sigmoid) }

  /// x (1 + erf(x / √2)) / 2, element by element.
  public func gelu() -> Tensor { activated(.gelu) }

  /// x / (1 + e⁻ˣ), element by element.
  public func silu() -> Tensor { activated(.silu) }
}

/// max(x, 0), element by element.
public func relu(_ x: Tensor) -> Tensor { x.relu() }

/// tanh x, element by element.
public func tanh(_ x: Tensor) -> Tensor { x.tanh() }

/// x (1 + erf(x / √2)) / 2, element by element.
public func gelu(_ x: Tensor) -> Tensor { x.gelu() }
