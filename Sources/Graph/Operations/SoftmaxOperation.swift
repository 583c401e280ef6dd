import Kernels

/// The softmax of each row, y = eˣ⁻ᵐ / Σ eˣ⁻ᵐ with m the row's maximum, or its logarithm, y = x - m - log Σ eˣ⁻ᵐ.
///
/// Shapes: x and y [..., columns], all axes but the last flattened to rows.
/// Backward: dx = y (dy - Σ dy y), of the logarithm dx = dy - eʸ Σ dy.
struct SoftmaxOperation: Operation {
  let logarithm: Bool

  var name: String { logarithm ? "logSoftmax" : "softmax" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 1 else { throw ShapeError("expected [..., columns], found \(inputs[0])") }
    return inputs[0]
  }

  var backwardReads: BackwardReads { .output }
  var forwardInPlace: Int? { 0 }
  var gradientInPlace: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let columns = context.outputShape.columns
    let (x, y) = (context.input(0), context.output)
    context.pool.run(over: context.outputShape.rows, grain: rowGrain(columns)) {
      let corner = $0.lowerBound * columns
      RowSoftmax.apply(
        logarithm: logarithm, rows: $0.count, columns: columns, x + corner, into: y + corner)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let columns = context.outputShape.columns
    let (y, dy) = (context.output, context.outputGradient)
    context.pool.run(over: context.outputShape.rows, grain: rowGrain(columns)) {
      let corner = $0.lowerBound * columns
      RowSoftmax.gradient(
        logarithm: logarithm, rows: $0.count, columns: columns, y: y + corner, dy: dy + corner,
        into: gradient.pointer + corner, accumulate: gradient.accumulates)
    }
  }
}

extension Tensor {
  /// eˣ / Σ eˣ along the last axis: each row becomes a distribution.
  public func softmax() -> Tensor { trace.record(SoftmaxOperation(logarithm: false), self) }

  /// log (eˣ / Σ eˣ) along the last axis, exact where the softmax itself would be 0 or 1.
  public func logSoftmax() -> Tensor { trace.record(SoftmaxOperation(logarithm: true), self) }
}
