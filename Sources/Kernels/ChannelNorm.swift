import CKernels

/// What batch and group normalisation do with the columns of a rows × columns matrix.
package enum ChannelNorm {
  /// By column: the mean of x, and the sum of (x - mean)².
  package static func moments(
    rows: Int, columns: Int, _ x: UnsafePointer<Float>, mean: UnsafeMutablePointer<Float>,
    squares: UnsafeMutablePointer<Float>
  ) {
    rondo_channel_moments(rows, columns, x, mean, squares)
  }

  /// By column: y = x · scale + shift.
  package struct Map {
    package let scale, shift: UnsafePointer<Float>
    /// y = max(that + residual, 0)
    package let relu: Bool

    package init(scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, relu: Bool) {
      self.scale = scale
      self.shift = shift
      self.relu = relu
    }
  }

  /// y = x · scale + shift + residual, with relu the larger of that and 0.
  package static func apply(
    _ map: Map, rows: Int, columns: Int, _ x: UnsafePointer<Float>, residual: UnsafePointer<Float>?,
    into y: UnsafeMutablePointer<Float>
  ) {
    rondo_channel_affine(rows, columns, x, map.scale, map.shift, residual, map.relu ? 1 : 0, y)
  }

  /// By column: the sums of dz and of dz · (x - mean), where dz is dy behind the relu. `y` is needed where there was a residual.
  package static func gradientSums(
    _ map: Map, rows: Int, columns: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    y: UnsafePointer<Float>?, mean: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>,
    products: UnsafeMutablePointer<Float>
  ) {
    rondo_channel_gradient_sums(
      rows, columns, x, dy, map.relu ? 1 : 0, y, mean, map.scale, map.shift, sums, products)
  }

  /// By column: dx (+)= scale · dz + slope · (x - mean) + offset, and the residual's gradient (+)= dz.
  package static func gradient(
    _ map: Map, rows: Int, columns: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    y: UnsafePointer<Float>?, mean: UnsafePointer<Float>, slope: UnsafePointer<Float>,
    offset: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, accumulate: Bool, residual: UnsafeMutablePointer<Float>?,
    accumulateResidual: Bool
  ) {
    rondo_channel_gradient(
      rows, columns, x, dy, map.relu ? 1 : 0, y, mean, map.scale, map.shift, slope, offset, dx,
      accumulate ? 1 : 0,
      residual, accumulateResidual ? 1 : 0)
  }
}
