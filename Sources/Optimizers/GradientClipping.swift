import Kernels

/// What is done to a step's gradients where they are too large.
///
/// By value, each piece is clipped for itself. By norm, `squaredNorm` is summed over all pieces first, in their order, and gives the factor
/// for all. Frozen parameters and running statistics have no gradients and belong to no sum.
public enum GradientClipping: Sendable, Equatable {
  case none
  /// Scales all gradients together so that their Euclidean norm is at most this. Source: R. Pascanu, T. Mikolov, Y. Bengio,
  /// arXiv:1211.5063.
  case norm(Double)
  /// Moves each gradient to the nearest number in -limit ... limit.
  case value(Double)

  /// A piece's share of the squared norm: the sum of its squares, in double precision, in an order that depends on `count` alone.
  public static func squaredNorm(_ gradients: UnsafePointer<Float>, count: Int) -> Double {
    OptimizerKernels.sumOfSquares(count, gradients)
  }

  /// What a step's gradients are multiplied by: min(1, limit / (norm + 1e-6)) as in PyTorch's `clip_grad_norm_`; 1 unless clipping is by norm.
  ///
  /// - Parameter squaredNorm: of all gradients of the step. NaN gives NaN, and infinity 0, which makes NaN of an infinite gradient.
  public func factor(squaredNorm: Double) -> Float {
    guard case .norm(let limit) = self else { return 1 }
    let factor = limit / (squaredNorm.squareRoot() + 1e-6)
    return factor >= 1 ? 1 : Float(factor)
  }

  /// The clipped gradients of a piece. NaN stays NaN.
  ///
  /// - Parameters:
  ///   - factor: as `factor(squaredNorm:)` gives it.
  ///   - gradients, clipped: of `count` elements; the same memory or apart.
  public func clip(
    from gradients: UnsafePointer<Float>, into clipped: UnsafeMutablePointer<Float>, count: Int, factor: Float
  ) {
    if case .value(let limit) = self {
      OptimizerKernels.clamp(count, to: Float(limit), gradients, into: clipped)
    } else {
      Elementwise.scale(count, by: factor, gradients, into: clipped)
    }
  }
}
