import Kernels

/// y = scale · x + shift with numbers that are fixed, element by element. Shapes: x and y alike. Backward: dx = scale · dy.
struct AffineOperation: Operation {
  let scale: Float
  let shift: Float

  var name: String { "affine" }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { inputs[0] }
  var backwardReads: BackwardReads { .nothing }
  var forwardInPlace: Int? { 0 }
  var gradientInPlace: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let (x, y) = (context.input(0), context.output)
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      Elementwise.affine($0.count, scale: scale, shift: shift, x + $0.lowerBound, into: y + $0.lowerBound)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let dy = context.outputGradient
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      Elementwise.affine(
        $0.count, scale: scale, shift: 0, dy + $0.lowerBound, into: gradient.pointer + $0.lowerBound,
        accumulate: gradient.accumulates)
    }
  }
}

extension Tensor {
  private func affine(_ scale: Float, _ shift: Float) -> Tensor {
    trace.record(AffineOperation(scale: scale, shift: shift), self)
  }

  public static func + (x: Tensor, number: Float) -> Tensor { x.affine(1, number) }
  public static func + (number: Float, x: Tensor) -> Tensor { x.affine(1, number) }
  public static func - (x: Tensor, number: Float) -> Tensor { x.affine(1, -number) }
  public static func - (number: Float, x: Tensor) -> Tensor { x.affine(-1, number) }
  public static func * (x: Tensor, number: Float) -> Tensor { x.affine(number, 0) }
  public static func * (number: Float, x: Tensor) -> Tensor { x.affine(number, 0) }
  /// x times the reciprocal of the number.
  public static func / (x: Tensor, number: Float) -> Tensor { x.affine(1 / number, 0) }
  public static func / (number: Float, x: Tensor) -> Tensor { x.reciprocal() * number }
  public static prefix func - (x: Tensor) -> Tensor { x.affine(-1, 0) }
}
