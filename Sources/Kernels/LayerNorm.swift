import CKernels

/// Normalisation of each row of a rows × columns matrix.
package enum RowNorm {
  /// y = (x - mean) · inverse · gain + bias, inverse = 1 / √(variance + ε); mean and inverse, one a row, are for the gradient.
  package static func layerNorm(
    rows: Int, columns: Int, epsilon: Float, x: UnsafePointer<Float>, gain: UnsafePointer<Float>,
    bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, mean: UnsafeMutablePointer<Float>,
    inverse: UnsafeMutablePointer<Float>
  ) {
    rondo_layer_norm(rows, columns, epsilon, x, gain, bias, y, mean, inverse)
  }

  /// y = x · inverse · gain, inverse = 1 / √(mean of x² + ε)
  package static func rmsNorm(
    rows: Int, columns: Int, epsilon: Float, x: UnsafePointer<Float>, gain: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>, inverse: UnsafeMutablePointer<Float>
  ) {
    rondo_rms_norm(rows, columns, epsilon, x, gain, y, inverse)
  }

  /// The gradient of `layerNorm`, or without `mean` of `rmsNorm`: dx (which may be dy unless it accumulates), and these rows' sums for
  /// gain and bias, which are overwritten.
  package static func gradient(
    rows: Int, columns: Int, x: UnsafePointer<Float>, gain: UnsafePointer<Float>,
    mean: UnsafePointer<Float>?, inverse: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>?, accumulate: Bool, gains: UnsafeMutablePointer<Float>?,
    biases: UnsafeMutablePointer<Float>?
  ) {
    if let mean {
      rondo_layer_norm_gradient(
        rows, columns, x, gain, mean, inverse, dy, dx, accumulate ? 1 : 0, gains, biases)
    } else {
      rondo_rms_norm_gradient(rows, columns, x, gain, inverse, dy, dx, accumulate ? 1 : 0, gains)
    }
  }

  /// target (+)= the sum of `parts` rows, `stride` elements apart, in ascending order.
  package static func addPartialSums(
    _ parts: Int, columns: Int, sums: UnsafePointer<Float>, stride: Int,
    to target: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    rondo_add_partial_sums(parts, columns, sums, stride, target, accumulate ? 1 : 0)
  }
}
