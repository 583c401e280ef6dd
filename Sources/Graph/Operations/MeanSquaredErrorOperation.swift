import Kernels

/// loss[r] = Σ (x[r][c] - target[r][c])² / columns.
///
/// Shapes: x and target [rows..., columns], loss [rows...]. Backward: dx[r][c] = dloss[r] · 2 (x[r][c] - target[r][c]) / columns.
struct MeanSquaredErrorOperation: Operation {
  var name: String { "meanSquaredError" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0] == inputs[1], inputs[0].rank >= 2 else {
      throw ShapeError("expected equal shapes [rows, columns], found \(inputs[0]) and \(inputs[1])")
    }
    return Shape(Array(inputs[0].extents.dropLast()))
  }

  var backwardReads: BackwardReads { .inputs(0, 1) }

  func forward(_ context: ForwardContext) {
    let columns = context.shape(ofInput: 0).columns
    let (x, target, losses) = (context.input(0), context.input(1), context.output)
    context.pool.run(over: context.outputShape.count, grain: rowGrain(columns)) {
      RowLoss.meanSquaredError(
        rows: $0.count, columns: columns, x: x + $0.lowerBound * columns,
        target: target + $0.lowerBound * columns, losses: losses + $0.lowerBound)
    }
  }

  func backward(_ context: BackwardContext) {
    let columns = context.shape(ofInput: 0).columns
    let (x, target, dlosses) = (context.input(0), context.input(1), context.outputGradient)
    // The loss is symmetric: the target's gradient, where someone wants one, is that of x with the roles swapped.
    for index in 0..<2 {
      guard let gradient = context.inputGradient(index) else { continue }
      let (a, b) = index == 0 ? (x, target) : (target, x)
      context.pool.run(over: context.outputShape.count, grain: rowGrain(columns)) {
        let corner = $0.lowerBound * columns
        RowLoss.meanSquaredErrorGradient(
          rows: $0.count, columns: columns, x: a + corner, target: b + corner,
          dlosses: dlosses + $0.lowerBound, into: gradient.pointer + corner, accumulate: gradient.accumulates)
      }
    }
  }
}

/// The mean over the columns of the squared difference, one a row: the loss of a regressor.
///
/// - Parameters:
///   - x: [rows..., columns].
///   - target: like `x`.
/// - Returns: [rows...], one loss a row.
public func meanSquaredError(_ x: Tensor, target: Tensor) -> Tensor {
  x.trace.record(MeanSquaredErrorOperation(), x, target)
}
