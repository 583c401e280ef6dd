import BLAS
import Kernels

/// y = f(x W + b): a matrix product with the bias and the activation applied to each tile while it is in the cache.
///
/// Shapes: x [..., in], W [in, out], b [out] (may be left out), y [..., out].
/// Backward, with dz = dy · f′:  dW = xᵀ dz,  db = Σ rows of dz,  dx = dz Wᵀ.
struct DenseOperation: Operation {
  let activation: Activation

  var name: String { "dense" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, weight) = (inputs[0], inputs[1])
    guard weight.rank == 2, x.rank >= 2, x.columns == weight[0] else {
      throw ShapeError("expected input [..., in] and weight [in, out], found \(x) and \(weight)")
    }
    if inputs.count == 3, inputs[2] != [weight[1]] {
      throw ShapeError("expected bias [\(weight[1])], found \(inputs[2])")
    }
    return x.withColumns(weight[1])
  }

  /// The pre-activation, where the gradient is computed from it.
  func savedCounts(_ inputs: [Shape]) -> [Int] {
    activation.gradientNeedsInput ? [inputs[0].rows * inputs[1][1]] : []
  }

  var backwardReads: BackwardReads {
    BackwardReads(inputs: [0, 1], output: activation != .identity && !activation.gradientNeedsInput)
  }

  func forwardFlops(_ inputs: [Shape]) -> Int { 2 * inputs[0].count * inputs[1][1] }

  func forward(_ context: ForwardContext) {
    let (rows, inner) = (context.shape(ofInput: 0).rows, context.shape(ofInput: 0).columns)
    let columns = context.outputShape.columns
    let bias = context.hasInput(2) ? context.input(2) : nil
    let output = context.output
    let z = activation.gradientNeedsInput ? context.saved(0) : nil
    let epilogue = { (tileRows: Range<Int>, tileColumns: Range<Int>) in
      let corner = tileRows.lowerBound * columns + tileColumns.lowerBound
      activation.applyWithBias(
        rows: tileRows.count, columns: tileColumns.count, bias: bias.map { $0 + tileColumns.lowerBound },
        y: output + corner, ldy: columns, known: z.map { $0 + corner }, ldk: columns)
    }
    BLAS.gemm(
      transposeA: false, transposeB: false, m: rows, n: columns, k: inner, alpha: 1, a: context.input(0),
      lda: inner, b: context.input(1), ldb: columns, beta: 0, c: output, ldc: columns, on: context.pool,
      epilogue: bias == nil && activation == .identity ? nil : epilogue)
  }

  func backward(_ context: BackwardContext) {
    let (rows, inner) = (context.shape(ofInput: 0).rows, context.shape(ofInput: 0).columns)
    let columns = context.outputShape.columns
    let dz = context.outputGradient
    let bias = context.hasInput(2) ? context.inputGradient(2) : nil
    if activation != .identity || bias != nil {
      let known = activation.gradientNeedsInput ? UnsafePointer(context.saved(0)) : context.output
      context.pool.run(over: columns, grain: 128) { tile in
        activation.gradientWithColumnSums(
          rows: rows, columns: tile.count, known: known + tile.lowerBound, dy: dz + tile.lowerBound,
          dz: dz + tile.lowerBound, ld: columns, sums: bias.map { $0.pointer + tile.lowerBound },
          accumulate: bias?.accumulates ?? false)
      }
    }
    let (input, weight) = (context.inputGradient(0), context.inputGradient(1))
    let differentiatesInput = {
      guard let input else { return }
      BLAS.gemm(
        transposeA: false, transposeB: true, m: rows, n: inner, k: columns, alpha: 1, a: dz, lda: columns,
        b: context.input(1), ldb: columns, beta: input.accumulates ? 1 : 0, c: input.pointer, ldc: inner,
        on: context.pool, epilogue: nil)
    }
    // One tensor as both: its gradients are added in the order of the inputs.
    let isBoth = input != nil && input?.pointer == weight?.pointer
    if isBoth { differentiatesInput() }
    if let weight {
      BLAS.gemm(
        transposeA: true, transposeB: false, m: inner, n: columns, k: rows, alpha: 1, a: context.input(0),
        lda: inner, b: dz, ldb: columns, beta: weight.accumulates ? 1 : 0, c: weight.pointer, ldc: columns,
        on: context.pool, epilogue: nil)
      context.gradientsAreDone(ofInputs: 1...2)
    }
    if !isBoth { differentiatesInput() }
  }
}

/// y = f(x W + b).
///
/// - Parameters:
///   - x: [..., in]; all extents but the last are rows.
///   - weight: [in, out].
///   - bias: [out].
/// - Returns: [..., out].
public func dense(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, activation: Activation = .identity, name: String? = nil
) -> Tensor {
  let operation = DenseOperation(activation: activation)
  guard let bias else { return x.trace.record(operation, x, weight, name: name) }
  return x.trace.record(operation, x, weight, bias, name: name)
}
