import BLAS
import Kernels

/// y[n, ..., c] = γ[c] (x[n, ..., c] - μ) / √(σ² + ε) + β[c], with mean μ and variance σ² over all positions and channels of c's group in
/// sample n. It does not depend on the other samples, in training or evaluation.
///
/// Shapes: x [samples, ..., channels], γ and β [channels], y like x.
/// Backward, with x̂ = (x - μ) / √(σ² + ε) and m elements in a group: dβ = Σ dy, dγ = Σ dy x̂,
/// dx = (γ dy - Σ γ dy / m - x̂ Σ γ dy x̂ / m) / √(σ² + ε), with sums over the group.
/// Source: Y. Wu, K. He, arXiv:1803.08494.
struct GroupNormOperation: Operation {
  let groups: Int
  let epsilon: Float

  var name: String { "groupNorm" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let x = inputs[0]
    guard x.rank >= 2, inputs[1] == [x.columns], inputs[2] == [x.columns] else {
      throw ShapeError(
        "expected input [samples, ..., channels] and two vectors [channels], found \(x) and \(inputs[1])")
    }
    guard groups >= 1, x.columns % groups == 0 else {
      throw ShapeError("expected a number of groups that divides \(x.columns), found \(groups)")
    }
    return x
  }

  /// As batch normalisation has them, but for each sample.
  func savedCounts(_ inputs: [Shape]) -> [Int] { [4 * inputs[0][0] * inputs[0].columns] }

  /// Two sums of each sample and channel, and two coefficients.
  func workspaceCount(_ inputs: [Shape]) -> Int { 4 * inputs[0][0] * inputs[0].columns }

  var backwardReads: BackwardReads { .inputs(0, 1) }
  var gradientInPlace: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let shape = context.outputShape
    let (columns, rows) = (shape.columns, shape.rows / shape[0])
    let (x, gamma, beta, y) = (context.input(0), context.input(1), context.input(2), context.output)
    context.pool.run(tiles: shape[0]) { sample in
      let first = sample * rows * columns
      let saved = NormCoefficients(context.saved(0) + 4 * sample * columns, columns)
      // Of each channel first; then those of a group are one.
      ChannelNorm.moments(rows: rows, columns: columns, x + first, mean: saved.mean, squares: saved.inverse)
      for group in 0..<groups {
        let channels = group * columns / groups..<(group + 1) * columns / groups
        combine(saved, channels, rows)
      }
      for c in 0..<columns {
        saved.scale[c] = gamma[c] * saved.inverse[c]
        saved.shift[c] = beta[c] - saved.mean[c] * saved.scale[c]
      }
      ChannelNorm.apply(
        saved.map(relu: false), rows: rows, columns: columns, x + first, residual: nil, into: y + first)
    }
  }

  /// Mean and 1 / deviation of a group, in double precision, to all its channels.
  private func combine(_ saved: NormCoefficients, _ channels: Range<Int>, _ rows: Int) {
    var (mean, squares) = (0.0, 0.0)
    for c in channels { mean += Double(saved.mean[c]) / Double(channels.count) }
    for c in channels {
      let difference = Double(saved.mean[c]) - mean
      squares += Double(saved.inverse[c]) + difference * difference * Double(rows)
    }
    let inverse = 1 / (squares / Double(rows * channels.count) + Double(epsilon)).squareRoot()
    for c in channels {
      saved.mean[c] = Float(mean)
      saved.inverse[c] = Float(inverse)
    }
  }

  func backward(_ context: BackwardContext) {
    let shape = context.outputShape
    let (samples, columns, rows) = (shape[0], shape.columns, shape.rows / shape[0])
    let (x, dy) = (context.input(0), context.outputGradient)
    let sums = context.workspace
    context.pool.run(tiles: samples) { sample in
      let first = sample * rows * columns
      let saved = NormCoefficients(context.saved(0) + 4 * sample * columns, columns)
      let own = sums + 4 * sample * columns
      ChannelNorm.gradientSums(
        saved.map(relu: false), rows: rows, columns: columns, x: x + first, dy: dy + first, y: nil,
        mean: saved.mean, sums: own, products: own + columns)
    }
    for sample in 0..<samples {
      let saved = NormCoefficients(context.saved(0) + 4 * sample * columns, columns)
      let own = sums + 4 * sample * columns
      for (index, products) in [(1, true), (2, false)] {
        guard let gradient = context.inputGradient(index) else { continue }
        for c in 0..<columns {
          let value = products ? own[columns + c] * saved.inverse[c] : own[c]
          gradient.pointer[c] = gradient.accumulates || sample > 0 ? gradient.pointer[c] + value : value
        }
      }
    }
    context.gradientsAreDone(ofInputs: 1...2)
    guard let input = context.inputGradient(0) else { return }
    context.pool.run(tiles: samples) { sample in
      let first = sample * rows * columns
      let saved = NormCoefficients(context.saved(0) + 4 * sample * columns, columns)
      let own = sums + 4 * sample * columns
      let (offset, slope) = (own + 2 * columns, own + 3 * columns)
      for group in 0..<groups {
        let channels = group * columns / groups..<(group + 1) * columns / groups
        var (total, product) = (Float(0), Float(0))
        for c in channels {
          total += saved.scale[c] * own[c]
          product += saved.scale[c] * own[columns + c]
        }
        let share = -1 / Float(rows * channels.count)
        for c in channels {
          offset[c] = share * total
          slope[c] = share * product * saved.inverse[c] * saved.inverse[c]
        }
      }
      ChannelNorm.gradient(
        saved.map(relu: false), rows: rows, columns: columns, x: x + first, dy: dy + first, y: nil,
        mean: saved.mean, slope: slope, offset: offset, dx: input.pointer + first,
        accumulate: input.accumulates,
        residual: nil, accumulateResidual: false)
    }
  }
}

/// Group normalisation: each sample's channels in groups, over all positions.
///
/// - Parameters:
///   - x: [samples, ..., channels].
///   - scale, shift: [channels], the γ and β of the formula.
///   - groups: a divisor of the channels; 1 normalises each sample as a whole, as many as channels each channel by itself.
public func groupNorm(
  _ x: Tensor, groups: Int, scale: Tensor, shift: Tensor, epsilon: Float = 1e-5, name: String? = nil
) -> Tensor {
  x.trace.record(GroupNormOperation(groups: groups, epsilon: epsilon), x, scale, shift, name: name)
}
