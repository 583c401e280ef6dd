import BLAS
import Kernels

/// y = f(γ (x - μ) / √(σ² + ε) + β + r), by channel: batch normalisation, optionally with a residual r and f = relu.
///
/// μ and σ² are mean and variance over the microbatch and all positions; in evaluation, the running ones.
/// Shapes: x [samples, ..., channels], γ, β, running mean and running variance [channels], r and y like x.
/// Backward, with dz = dy f′, x̂ = (x - μ) / √(σ² + ε) and n samples × positions: dβ = Σ dz, dγ = Σ dz x̂,
/// dx = γ / √(σ² + ε) (dz - dβ / n - x̂ dγ / n), dr = dz. x̂ is computed again from x; without a residual so is relu's sign.
/// Running statistics: μ, and σ² n / (n - 1), as PyTorch has them.
/// Source: S. Ioffe, C. Szegedy, arXiv:1502.03167, algorithm 1.
struct BatchNormOperation: Operation {
  let epsilon: Float
  let hasRelu: Bool

  var name: String { "batchNorm" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let x = inputs[0]
    guard x.rank >= 2, inputs[1...4].allSatisfy({ $0 == [x.columns] }) else {
      throw ShapeError(
        "expected input [samples, ..., channels] and four vectors [channels], found \(x) and \(inputs[1])")
    }
    if inputs.count == 6, inputs[5] != x {
      throw ShapeError("expected a residual \(x), found \(inputs[5])")
    }
    return x
  }

  /// Mean, 1 / deviation, and the scale and shift that they make with γ and β.
  func savedCounts(_ inputs: [Shape]) -> [Int] { [4 * inputs[0].columns] }

  /// Two sums of each channel and tile.
  func workspaceCount(_ inputs: [Shape]) -> Int {
    let rows = ChannelRows(inputs[0])
    return 2 * (rows.tiles + 1) * rows.columns
  }

  var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1], output: hasRelu) }
  var gradientInPlace: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let rows = ChannelRows(context.outputShape)
    let (x, columns) = (context.input(0), rows.columns)
    let saved = NormCoefficients(context.saved(0), columns)
    if context.isTraining {
      let partial = context.workspace
      context.pool.run(tiles: rows.tiles) { tile in
        let range = rows[tile]
        let mean = partial + 2 * tile * columns
        ChannelNorm.moments(
          rows: range.count, columns: columns, x + range.lowerBound * columns, mean: mean,
          squares: mean + columns)
      }
      rows.combine(partial, mean: saved.mean, squares: saved.inverse)
      for c in 0..<columns {
        saved.inverse[c] = 1 / (saved.inverse[c] / Float(rows.count) + epsilon).squareRoot()
      }
    } else {
      for c in 0..<columns {
        saved.mean[c] = context.input(3)[c]
        saved.inverse[c] = 1 / (context.input(4)[c] + epsilon).squareRoot()
      }
    }
    for c in 0..<columns {
      saved.scale[c] = context.input(1)[c] * saved.inverse[c]
      saved.shift[c] = context.input(2)[c] - saved.mean[c] * saved.scale[c]
    }
    let (y, residual) = (context.output, context.hasInput(5) ? context.input(5) : nil)
    let map = saved.map(relu: hasRelu)
    context.pool.run(tiles: rows.tiles) { tile in
      let first = rows[tile].lowerBound * columns
      ChannelNorm.apply(
        map, rows: rows[tile].count, columns: columns, x + first, residual: residual.map { $0 + first },
        into: y + first)
    }
  }

  func backward(_ context: BackwardContext) {
    let rows = ChannelRows(context.outputShape)
    let (x, dy, columns) = (context.input(0), context.outputGradient, rows.columns)
    let saved = NormCoefficients(context.saved(0), columns)
    let map = saved.map(relu: hasRelu)
    let y = hasRelu && context.hasInput(5) ? context.output : nil
    let partial = context.workspace
    context.pool.run(tiles: rows.tiles) { tile in
      let first = rows[tile].lowerBound * columns
      let sums = partial + 2 * tile * columns
      ChannelNorm.gradientSums(
        map, rows: rows[tile].count, columns: columns, x: x + first, dy: dy + first, y: y.map { $0 + first },
        mean: saved.mean, sums: sums, products: sums + columns)
    }
    for tile in 1..<max(1, rows.tiles) {
      Elementwise.add(2 * columns, to: partial, partial + 2 * tile * columns)
    }
    writeParameters(context, rows, saved, sums: partial)
    writeStatistics(context, rows, saved)
    context.gradientsAreDone(ofInputs: 1...4)
    // The coefficients of x - mean and 1 take the place of the sums.
    let (offset, slope) = (partial, partial + columns)
    for c in 0..<columns {
      offset[c] *= -saved.scale[c] / Float(rows.count)
      slope[c] *= -saved.scale[c] * saved.inverse[c] * saved.inverse[c] / Float(rows.count)
    }
    let residual = context.hasInput(5) ? context.inputGradient(5) : nil
    guard let input = context.inputGradient(0) else {
      if let residual { passGradient(context, y, to: residual) }
      return
    }
    context.pool.run(tiles: rows.tiles) { tile in
      let first = rows[tile].lowerBound * columns
      ChannelNorm.gradient(
        map, rows: rows[tile].count, columns: columns, x: x + first, dy: dy + first, y: y.map { $0 + first },
        mean: saved.mean, slope: slope, offset: offset, dx: input.pointer + first,
        accumulate: input.accumulates,
        residual: residual.map { $0.pointer + first }, accumulateResidual: residual?.accumulates ?? false)
    }
  }

  /// The residual's gradient, where nobody wants that of x.
  private func passGradient(
    _ context: BackwardContext, _ y: UnsafePointer<Float>?, to residual: BackwardContext.Gradient
  ) {
    let dy = context.outputGradient
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) { range in
      let first = range.lowerBound
      let activation: Activation = y == nil ? .identity : .relu
      activation.gradient(
        count: range.count, known: (y ?? UnsafePointer(dy)) + first, dy: dy + first, dx: dy + first)
      if residual.accumulates {
        Elementwise.add(range.count, to: residual.pointer + first, dy + first)
      } else {
        (residual.pointer + first).update(from: dy + first, count: range.count)
      }
    }
  }

  private func writeParameters(
    _ context: BackwardContext, _ rows: ChannelRows, _ saved: NormCoefficients, sums: UnsafePointer<Float>
  ) {
    if let gamma = context.inputGradient(1) {
      for c in 0..<rows.columns {
        gamma.write(sums[rows.columns + c] * saved.inverse[c], at: c)
      }
    }
    if let beta = context.inputGradient(2) {
      for c in 0..<rows.columns { beta.write(sums[c], at: c) }
    }
  }

  private func writeStatistics(_ context: BackwardContext, _ rows: ChannelRows, _ saved: NormCoefficients) {
    let share = context.microbatchShare
    let unbiased = share * Float(rows.count) / Float(max(1, rows.count - 1))
    if let mean = context.inputGradient(3) {
      for c in 0..<rows.columns { mean.write(share * saved.mean[c], at: c) }
    }
    if let variance = context.inputGradient(4) {
      for c in 0..<rows.columns {
        variance.write(unbiased * (1 / (saved.inverse[c] * saved.inverse[c]) - epsilon), at: c)
      }
    }
  }
}

/// Batch normalisation over all axes but the last, optionally with a residual added and relu after it.
///
/// - Parameters:
///   - x: [samples, ..., channels].
///   - scale, shift: [channels], the γ and β of the formula.
///   - runningMean, runningVariance: [channels], statistics of the trace (`Trace.statistic`).
///   - residual: like `x`, added before relu.
public func batchNorm(
  _ x: Tensor, scale: Tensor, shift: Tensor, runningMean: Tensor, runningVariance: Tensor,
  residual: Tensor? = nil,
  relu: Bool = false, epsilon: Float = 1e-5, name: String? = nil
) -> Tensor {
  x.trace.record(
    BatchNormOperation(epsilon: epsilon, hasRelu: relu),
    [x, scale, shift, runningMean, runningVariance] + (residual.map { [$0] } ?? []), name: name)
}
