import BLAS

/// C = op(A) op(B), for matrices or for each of a batch of them, where op(X) is X or its transpose.
///
/// Shapes: A [..., m, k] ([..., k, m] if transposed), B [..., k, n] ([..., n, k]), C [..., m, n]; the leading axes are equal.
/// Backward: d op(A) = dC op(B)ᵀ, d op(B) = op(A)ᵀ dC, each written with the factors in the order that gives A and B as they are stored.
struct MatrixProductOperation: Operation {
  let transposeA, transposeB: Bool

  var name: String { "matmul" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let (a, b) = (inputs[0], inputs[1])
    guard a.rank >= 2, a.rank == b.rank, a.extents.dropLast(2) == b.extents.dropLast(2),
      Sizes(a, b, transposeA, transposeB).inner == b[b.rank - (transposeB ? 1 : 2)]
    else {
      let (left, right) = (
        transposeA ? "[..., k, m]" : "[..., m, k]", transposeB ? "[..., n, k]" : "[..., k, n]"
      )
      throw ShapeError("expected \(left) and \(right) with equal leading axes, found \(a) and \(b)")
    }
    let sizes = Sizes(a, b, transposeA, transposeB)
    return Shape(a.extents.dropLast(2) + [sizes.m, sizes.n])
  }

  /// Of `count` products.
  private struct Sizes {
    let count, m, n, inner: Int

    init(_ a: Shape, _ b: Shape, _ transposeA: Bool, _ transposeB: Bool) {
      m = a[a.rank - (transposeA ? 1 : 2)]
      inner = a[a.rank - (transposeA ? 2 : 1)]
      n = b[b.rank - (transposeB ? 2 : 1)]
      count = a.count / (m * inner)
    }
  }

  var backwardReads: BackwardReads { .inputs(0, 1) }

  func forwardFlops(_ inputs: [Shape]) -> Double {
    let sizes = Sizes(inputs[0], inputs[1], transposeA, transposeB)
    return 2 * Double(sizes.count) * Double(sizes.m) * Double(sizes.n) * Double(sizes.inner)
  }

  func forward(_ context: ForwardContext) {
    let sizes = Sizes(context.shape(ofInput: 0), context.shape(ofInput: 1), transposeA, transposeB)
    BLAS.batchedGemm(
      count: sizes.count, transposeA: transposeA, transposeB: transposeB, m: sizes.m, n: sizes.n,
      k: sizes.inner, alpha: 1, a: context.input(0), b: context.input(1), beta: 0, c: context.output,
      on: context.pool)
  }

  func backward(_ context: BackwardContext) {
    let (first, second) = (context.inputGradient(0), context.inputGradient(1))
    // One tensor as both: its gradients are added in the order of the inputs. Otherwise B's first: where it is a parameter, it travels
    // while A's is computed.
    let isBoth = first != nil && first?.pointer == second?.pointer
    if isBoth, let first { differentiateA(context, first) }
    if let second {
      differentiateB(context, second)
      context.gradientsAreDone(ofInputs: 1...1)
    }
    if !isBoth, let first { differentiateA(context, first) }
  }

  private func differentiateA(_ context: BackwardContext, _ gradient: BackwardContext.Gradient) {
    let sizes = Sizes(context.shape(ofInput: 0), context.shape(ofInput: 1), transposeA, transposeB)
    let (b, dc) = (context.input(1), UnsafePointer(context.outputGradient))
    // Not transposed: dA = dC op(B)ᵀ. Transposed: dA = op(B) dCᵀ.
    BLAS.batchedGemm(
      count: sizes.count, transposeA: transposeA ? transposeB : false,
      transposeB: transposeA ? true : !transposeB, m: transposeA ? sizes.inner : sizes.m,
      n: transposeA ? sizes.m : sizes.inner, k: sizes.n, alpha: 1, a: transposeA ? b : dc,
      b: transposeA ? dc : b, beta: gradient.accumulates ? 1 : 0, c: gradient.pointer, on: context.pool)
  }

  private func differentiateB(_ context: BackwardContext, _ gradient: BackwardContext.Gradient) {
    let sizes = Sizes(context.shape(ofInput: 0), context.shape(ofInput: 1), transposeA, transposeB)
    let (a, dc) = (context.input(0), UnsafePointer(context.outputGradient))
    // Not transposed: dB = op(A)ᵀ dC. Transposed: dB = dCᵀ op(A).
    BLAS.batchedGemm(
      count: sizes.count, transposeA: transposeB ? true : !transposeA,
      transposeB: transposeB ? transposeA : false, m: transposeB ? sizes.n : sizes.inner,
      n: transposeB ? sizes.inner : sizes.n, k: sizes.m, alpha: 1, a: transposeB ? dc : a,
      b: transposeB ? a : dc, beta: gradient.accumulates ? 1 : 0, c: gradient.pointer, on: context.pool)
  }
}

/// The matrix product op(a) op(b), or one for each matrix of a batch.
///
/// - Parameters:
///   - a: [..., m, k], or [..., k, m] if `transposeA`.
///   - b: [..., k, n], or [..., n, k] if `transposeB`; leading axes as those of `a`.
/// - Returns: [..., m, n].
public func matmul(
  _ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false, name: String? = nil
) -> Tensor {
  a.trace.record(MatrixProductOperation(transposeA: transposeA, transposeB: transposeB), a, b, name: name)
}
