import Kernels

/// Normalises each row: with its mean and deviation (layer norm), or with its root mean square (RMS norm).
///
///     layer norm:  y = (x - mean x) / √(variance x + ε) · gain + bias        variance divided by columns
///     RMS norm:    y = x / √(mean x² + ε) · gain
///
/// Shapes: x and y [..., columns], gain and bias [columns]; layer norm's bias may be left out.
/// Backward, with h the normalised x and g = dy · gain:  dx = (g - mean g - h mean(g h)) / √(...) (without mean g for RMS norm),
/// dgain = Σ dy h and dbias = Σ dy over all rows, in an order that depends on the shape alone.
/// Sources: J. Ba et al., arXiv:1607.06450; B. Zhang, R. Sennrich, arXiv:1910.07467.
struct RowNormOperation: Operation {
  enum Kind: Sendable {
    case layer, rootMeanSquare
  }

  let kind: Kind
  let epsilon: Float

  var name: String { kind == .layer ? "layerNorm" : "rmsNorm" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let x = inputs[0]
    guard x.rank >= 2 else { throw ShapeError("expected [..., columns], found \(x)") }
    for (position, what) in zip(1..., ["gain", "bias"]) where position < inputs.count {
      if inputs[position] != [x.columns] {
        throw ShapeError("expected \(what) [\(x.columns)], found \(inputs[position])")
      }
    }
    return x
  }

  /// The factor of each row, and its mean.
  func savedCounts(_ inputs: [Shape]) -> [Int] {
    [inputs[0].rows] + (kind == .layer ? [inputs[0].rows] : [])
  }

  /// The sums of gain's and bias's gradients over each part of the rows.
  func workspaceCount(_ inputs: [Shape]) -> Int { parts(inputs[0].rows) * 2 * inputs[0].columns }

  var backwardReads: BackwardReads { .inputs(0, 1) }
  var gradientInPlace: Int? { 0 }

  /// Backward's parts of the rows: at most 32, of at least 16 rows.
  private func rowsPerPart(_ rows: Int) -> Int { max(16, (rows + 31) / 32) }
  private func parts(_ rows: Int) -> Int { (rows + rowsPerPart(rows) - 1) / rowsPerPart(rows) }

  func forward(_ context: ForwardContext) {
    let (rows, columns) = (context.outputShape.rows, context.outputShape.columns)
    let (x, gain, y) = (context.input(0), context.input(1), context.output)
    let bias = context.hasInput(2) ? context.input(2) : nil
    let inverse = context.saved(0)
    let mean = kind == .layer ? context.saved(1) : inverse
    context.pool.run(over: rows, grain: rowGrain(columns)) {
      let (first, corner) = ($0.lowerBound, $0.lowerBound * columns)
      switch kind {
      case .layer:
        RowNorm.layerNorm(
          rows: $0.count, columns: columns, epsilon: epsilon, x: x + corner, gain: gain, bias: bias,
          into: y + corner, mean: mean + first, inverse: inverse + first)
      case .rootMeanSquare:
        RowNorm.rmsNorm(
          rows: $0.count, columns: columns, epsilon: epsilon, x: x + corner, gain: gain, into: y + corner,
          inverse: inverse + first)
      }
    }
  }

  func backward(_ context: BackwardContext) {
    let (rows, columns) = (context.outputShape.rows, context.outputShape.columns)
    let (x, gain, dy) = (context.input(0), context.input(1), context.outputGradient)
    let inverse = context.saved(0)
    let mean = kind == .layer ? context.saved(1) : nil
    let input = context.inputGradient(0)
    let gains = context.inputGradient(1)
    let biases = context.hasInput(2) ? context.inputGradient(2) : nil
    let (sums, length) = (context.workspace, rowsPerPart(rows))
    context.pool.run(over: rows, grain: length) {
      let (first, corner) = ($0.lowerBound, $0.lowerBound * columns)
      let part = sums + first / length * 2 * columns
      RowNorm.gradient(
        rows: $0.count, columns: columns, x: x + corner, gain: gain, mean: mean.map { $0 + first },
        inverse: inverse + first, dy: dy + corner, dx: input.map { $0.pointer + corner },
        accumulate: input?.accumulates ?? false, gains: gains == nil ? nil : part,
        biases: biases == nil ? nil : part + columns)
    }
    for (target, sums) in [(gains, sums), (biases, sums + columns)] {
      guard let target else { continue }
      RowNorm.addPartialSums(
        parts(rows), columns: columns, sums: sums, stride: 2 * columns, to: target.pointer,
        accumulate: target.accumulates)
    }
  }
}

/// Layer norm of each row: mean 0 and deviation 1, then gain and bias.
///
/// - Parameters:
///   - x: [..., columns].
///   - gain: [columns].
///   - bias: [columns].
///   - epsilon: added to the variance.
/// - Returns: like `x`.
public func layerNorm(
  _ x: Tensor, gain: Tensor, bias: Tensor? = nil, epsilon: Float = 1e-5, name: String? = nil
) -> Tensor {
  x.trace.record(
    RowNormOperation(kind: .layer, epsilon: epsilon), [x, gain] + (bias.map { [$0] } ?? []), name: name)
}

/// RMS norm of each row: divided by its root mean square, then times gain.
///
/// - Parameters:
///   - x: [..., columns].
///   - gain: [columns].
///   - epsilon: added to the mean of the squares.
/// - Returns: like `x`.
public func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float = 1e-5, name: String? = nil) -> Tensor {
  x.trace.record(RowNormOperation(kind: .rootMeanSquare, epsilon: epsilon), x, gain, name: name)
}
