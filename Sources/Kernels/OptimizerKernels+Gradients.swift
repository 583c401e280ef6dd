import CKernels

extension OptimizerKernels {
  /// Σx² in double precision, with a relative error of at most (count / 16 + 4) · 2⁻⁵³; the order of additions depends on `count` alone,
  /// and the bits are the same on every machine.
  package static func sumOfSquares(_ count: Int, _ x: UnsafePointer<Float>) -> Double {
    rondo_sum_of_squares(count, x)
  }

  /// y = the number nearest to x in -limit ... limit; NaN stays NaN. `x` and `y` may be the same.
  package static func clamp(
    _ count: Int, to limit: Float, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    rondo_clamp(count, limit, x, y)
  }

  /// a += weight · (x - a)
  package static func approach(
    _ count: Int, weight: Float, _ x: UnsafePointer<Float>, from a: UnsafeMutablePointer<Float>
  ) {
    rondo_approach(count, weight, x, a)
  }
}
