import CKernels

/// An element-wise function that is no layer's activation.
package enum ElementaryFunction: String, Sendable, CaseIterable {
  case exp, log, log1p
  case squareRoot
  /// 1 / x
  case reciprocal

  /// Whether the gradient is computed from the input x. For the others it is the output f(x).
  package var gradientNeedsInput: Bool { self == .log || self == .log1p }

  private var code: Int32 {
    switch self {
    case .exp: Int32(RONDO_UNARY_EXP.rawValue)
    case .log: Int32(RONDO_UNARY_LOG.rawValue)
    case .log1p: Int32(RONDO_UNARY_LOG1P.rawValue)
    case .squareRoot: Int32(RONDO_UNARY_SQRT.rawValue)
    case .reciprocal: Int32(RONDO_UNARY_RECIPROCAL.rawValue)
    }
  }

  /// y = f(x); `x` and `y` may be the same.
  package func apply(_ count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    rondo_unary(code, count, x, y)
  }

  /// dx (+)= dy · f′, from the input or the output as `gradientNeedsInput` says; `dy` and `dx` may be the same.
  package func gradient(
    _ count: Int, known: UnsafePointer<Float>, dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>,
    accumulate: Bool
  ) {
    rondo_unary_gradient(code, count, known, dy, dx, accumulate ? 1 : 0)
  }
}
