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

/// max(x, 0), element by element.
public func relu(_ x: Tensor) -> Tensor { x.trace.record(ActivationOperation(activation: .relu), x) }

/// tanh x, element by element.
public func tanh(_ x: Tensor) -> Tensor { x.trace.record(ActivationOperation(activation: .tanh), x) }

/// x (1 + erf(x / √2)) / 2, element by element.
public func gelu(_ x: Tensor) -> Tensor { x.trace.record(ActivationOperation(activation: .gelu), x) }
