import BLAS
import Kernels

/// y = f(x W + b) + r: a matrix product with the bias, the activation and the residual applied to each tile while it is in the cache.
///
/// Shapes: x [..., in], W [in, out], b [out] (may be left out), r [..., out] (may be left out), y [..., out].
/// Backward, with dz = dy · f′:  dr = dy,  dW = xᵀ dz,  db = Σ rows of dz,  dx = dz Wᵀ.
struct DenseOperation: Operation {
  let activation: Activation
  var hasBias = true
  var hasResidual = false

  var name: String { "dense" }

  private var residualIndex: Int { hasBias ? 3 : 2 }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, weight) = (inputs[0], inputs[1])
    guard weight.rank == 2, x.rank >= 2, x.columns == weight[0] else {
      throw ShapeError("expected input [..., in] and weight [in, out], found \(x) and \(weight)")
    }
    if hasBias, inputs[2] != [weight[1]] {
      throw ShapeError("expected bias [\(weight[1])], found \(inputs[2])")
    }
    let output = x.withColumns(weight[1])
    if hasResidual, inputs[residualIndex] != output {
      throw ShapeError("expected residual \(output), found \(inputs[residualIndex])")
    }
    return output
  }

  /// What the gradient of the activation is computed from, where that is not the output.
  func savedCounts(_ inputs: [Shape]) -> [Int] { savesKnown ? [inputs[0].rows * inputs[1][1]] : [] }

  private var savesKnown: Bool { activation.gradientNeedsInput || hasResidual && activation != .identity }

  var backwardReads: BackwardReads {
    BackwardReads(inputs: [0, 1], output: activation != .identity && !savesKnown)
  }

  /// The residual's gradient is dy, which without an activation nothing overwrites.
  var gradientInPlace: Int? { hasResidual && activation == .identity ? residualIndex : nil }

  func forwardFlops(_ inputs: [Shape]) -> Double {
    2 * Double(inputs[0].count) * Double(inputs[1][1])
  }

  /// Of the weight.
  func wholeAdditionScratch(ofInput index: Int, _ inputs: [Shape]) -> Int? {
    guard index == 1 else { return nil }
    return BLAS.addingScratchCount(
      transposeA: true, transposeB: false, m: inputs[0].columns, n: inputs[1][1], k: inputs[0].rows)
  }

  func forward(_ context: ForwardContext) {
    let (rows, inner) = (context.shape(ofInput: 0).rows, context.shape(ofInput: 0).columns)
    let columns = context.outputShape.columns
    let bias = hasBias ? context.input(2) : nil
    let residual = hasResidual ? context.input(residualIndex) : nil
    let output = context.output
    let known = savesKnown ? context.saved(0) : nil
    let isProduct = bias == nil && residual == nil && activation == .identity
    BLAS.gemm(
      transposeA: false, transposeB: false, m: rows, n: columns, k: inner, alpha: 1, a: context.input(0),
      lda: inner, b: context.input(1), ldb: columns, beta: 0, c: output, ldc: columns, on: context.pool
    ) { tileRows, tileColumns in
      if isProduct { return }
      let corner = tileRows.lowerBound * columns + tileColumns.lowerBound
      activation.applyWithBias(
        rows: tileRows.count, columns: tileColumns.count, bias: bias.map { $0 + tileColumns.lowerBound },
        residual: residual.map { $0 + corner }, ldr: columns, y: output + corner, ldy: columns,
        known: known.map { $0 + corner }, ldk: columns)
    }
  }

  func backward(_ context: BackwardContext) {
    let (rows, inner) = (context.shape(ofInput: 0).rows, context.shape(ofInput: 0).columns)
    let columns = context.outputShape.columns
    let dz = context.outputGradient
    let residual = hasResidual ? passToResidual(context) : nil
    let bias = hasBias ? context.inputGradient(2) : nil
    if activation != .identity || bias != nil {
      let known = savesKnown ? UnsafePointer(context.saved(0)) : context.output
      context.pool.run(over: columns, grain: 128) { tile in
        activation.gradientWithColumnSums(
          rows: rows, columns: tile.count, known: known + tile.lowerBound, dy: dz + tile.lowerBound,
          dz: dz + tile.lowerBound, ld: columns, sums: bias.map { $0.pointer + tile.lowerBound },
          accumulate: bias?.accumulates ?? false)
      }
    }
    let (input, weight) = (context.inputGradient(0), context.inputGradient(1))
    func differentiateInput() {
      guard let input else { return }
      BLAS.gemm(
        transposeA: false, transposeB: true, m: rows, n: inner, k: columns, alpha: 1, a: dz, lda: columns,
        b: context.input(1), ldb: columns, beta: input.accumulates || input.pointer == residual ? 1 : 0,
        c: input.pointer, ldc: inner, on: context.pool)
    }
    // One tensor as both: its gradients are added in the order of the inputs.
    let isBoth = input != nil && input?.pointer == weight?.pointer
    if isBoth { differentiateInput() }
    if let weight, weight.addsWhole {
      BLAS.gemmAdding(
        transposeA: true, transposeB: false, m: inner, n: columns, k: rows, a: context.input(0), lda: inner,
        b: dz, ldb: columns, to: weight.pointer, ldc: columns, scratch: weight.scratch, on: context.pool,
        add: { Elementwise.add($0, to: $1, $2) })
    } else if let weight {
      BLAS.gemm(
        transposeA: true, transposeB: false, m: inner, n: columns, k: rows, alpha: 1, a: context.input(0),
        lda: inner, b: dz, ldb: columns,
        beta: weight.accumulates || weight.pointer == residual ? 1 : 0, c: weight.pointer, ldc: columns,
        on: context.pool)
    }
    if weight != nil { context.gradientsAreDone(ofInputs: 1...(hasResidual ? residualIndex : 2)) }
    if !isBoth { differentiateInput() }
  }

  /// dr = dy, before dz is written over dy. Where x or W is the same tensor, this is the first of its gradients to be written, and the
  /// others are added to it. Returns where it went.
  private func passToResidual(_ context: BackwardContext) -> UnsafeMutablePointer<Float>? {
    guard let gradient = context.inputGradient(residualIndex) else { return nil }
    let first = (0..<2).lazy.compactMap { context.inputGradient($0) }.first { $0.pointer == gradient.pointer }
    let accumulates = first?.accumulates ?? gradient.accumulates
    let dy = context.outputGradient
    if !accumulates && gradient.pointer == dy { return dy }
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      let target = gradient.pointer + $0.lowerBound
      if accumulates {
        Elementwise.add($0.count, to: target, dy + $0.lowerBound)
      } else {
        target.update(from: dy + $0.lowerBound, count: $0.count)
      }
    }
    return gradient.pointer
  }
}

/// y = f(x W + b) + r.
///
/// - Parameters:
///   - x: [..., in]; all extents but the last are rows.
///   - weight: [in, out].
///   - bias: [out].
///   - residual: [..., out]: what the result is added to, as in a transformer's blocks.
/// - Returns: [..., out].
public func dense(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, activation: Activation = .identity,
  residual: Tensor? = nil, name: String? = nil
) -> Tensor {
  let operation = DenseOperation(
    activation: activation, hasBias: bias != nil, hasResidual: residual != nil)
  return x.trace.record(operation, [x, weight] + [bias, residual].compactMap(\.self), name: name)
}
