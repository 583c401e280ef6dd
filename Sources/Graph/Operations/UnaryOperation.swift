import Kernels

/// y = f(x), element by element, for functions that are no activation. Shapes: x and y alike.
///
/// Backward: eˣ: dx = dy y;  log x: dx = dy / x;  √x: dx = dy / 2y;  1/x: dx = -dy y².
struct UnaryOperation: Operation {
  let function: ElementaryFunction

  var name: String { function.rawValue }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { inputs[0] }
  var backwardReads: BackwardReads { function.gradientNeedsInput ? .inputs(0) : .output }
  var forwardInPlace: Int? { function.gradientNeedsInput ? nil : 0 }
  var gradientInPlace: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let (x, y) = (context.input(0), context.output)
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      function.apply($0.count, x + $0.lowerBound, into: y + $0.lowerBound)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let known = function.gradientNeedsInput ? context.input(0) : context.output
    let dy = context.outputGradient
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      function.gradient(
        $0.count, known: known + $0.lowerBound, dy: dy + $0.lowerBound,
        into: gradient.pointer + $0.lowerBound, accumulate: gradient.accumulates)
    }
  }
}

extension Tensor {
  /// eˣ, element by element.
  public func exp() -> Tensor { trace.record(UnaryOperation(function: .exp), self) }

  /// The natural logarithm of each element: -∞ at 0, not a number below.
  public func log() -> Tensor { trace.record(UnaryOperation(function: .log), self) }

  /// log(1 + x), element by element, exact for small x.
  public func log1p() -> Tensor { trace.record(UnaryOperation(function: .log1p), self) }

  /// √x, element by element.
  public func sqrt() -> Tensor { trace.record(UnaryOperation(function: .squareRoot), self) }

  /// 1 / x, element by element.
  public func reciprocal() -> Tensor { trace.record(UnaryOperation(function: .reciprocal), self) }
}
