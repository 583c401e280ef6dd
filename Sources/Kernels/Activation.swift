import CKernels

/// An element-wise function applied to a layer's output.
public enum Activation: String, Sendable, CaseIterable {
  /// f(x) = x
  case identity
  /// f(x) = max(x, 0)
  case relu
  /// f(x) = tanh x
  case tanh
  /// f(x) = x (1 + erf(x / √2)) / 2: the exact form. Source: D. Hendrycks, K. Gimpel, arXiv:1606.08415.
  case gelu
  /// f(x) = x where x > 0, else x / 100. Source: A. Maas, A. Hannun, A. Ng, ICML 2013.
  case leakyRelu
  /// f(x) = 1 / (1 + e⁻ˣ), within 3 ulp.
  case sigmoid
  /// f(x) = x / (1 + e⁻ˣ), also called swish. Source: S. Elfwing, E. Uchibe, K. Doya, arXiv:1702.03118.
  case silu

  /// Whether the gradient is computed from the input x. For the others the output f(x) is enough, and x need not be kept.
  package var gradientNeedsInput: Bool { self == .gelu || self == .silu }

  var code: Int32 {
    switch self {
    case .identity: Int32(RONDO_IDENTITY.rawValue)
    case .relu: Int32(RONDO_RELU.rawValue)
    case .tanh: Int32(RONDO_TANH.rawValue)
    case .gelu: Int32(RONDO_GELU.rawValue)
    case .leakyRelu: Int32(RONDO_LEAKY_RELU.rawValue)
    case .sigmoid: Int32(RONDO_SIGMOID.rawValue)
    case .silu: Int32(RONDO_SILU.rawValue)
    }
  }

  /// y = f(x) on `count` elements; `x` and `y` may be the same.
  package func apply(count: Int, x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>) {
    rondo_activate(code, count, x, y)
  }

  /// dx = dy · f′ on `count` elements, from the input or the output as `gradientNeedsInput` says; `dy` and `dx` may be the same.
  package func gradient(
    count: Int, known: UnsafePointer<Float>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
  ) {
    rondo_activate_gradient(code, count, known, dy, dx)
  }

  /// y = f(y + bias) + residual in place on a tile of a matrix with leading dimension `ldy`. With `known`, also writes what
  /// `gradient` needs there: y + bias or f(y + bias), as `gradientNeedsInput` says.
  package func applyWithBias(
    rows: Int, columns: Int, bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>? = nil, ldr: Int = 0,
    y: UnsafeMutablePointer<Float>, ldy: Int, known: UnsafeMutablePointer<Float>? = nil, ldk: Int = 0
  ) {
    rondo_bias_activate(code, rows, columns, bias, residual, ldr, y, ldy, known, ldk)
  }

  /// dz = dy · f′ on a tile, and the sums of dz down its columns, rows ascending. All matrices have leading dimension `ld`.
  package func gradientWithColumnSums(
    rows: Int, columns: Int, known: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    dz: UnsafeMutablePointer<Float>, ld: Int, sums: UnsafeMutablePointer<Float>?, accumulate: Bool
  ) {
    rondo_activate_gradient_sums(code, rows, columns, known, dy, dz, ld, sums, accumulate ? 1 : 0)
  }
}
