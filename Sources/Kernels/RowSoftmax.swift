import CKernels

/// The softmax of each row of a rows × columns matrix, or its logarithm.
package enum RowSoftmax {
  /// y[r] = softmax(x[r]), or log softmax(x[r]); `x` and `y` may be the same.
  package static func apply(
    logarithm: Bool, rows: Int, columns: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    if logarithm { rondo_log_softmax(rows, columns, x, y) } else { rondo_softmax(rows, columns, x, y) }
  }

  /// dx[r] (+)= y[r] (dy[r] - Σ dy[r] y[r]), or dy[r] - e^y[r] Σ dy[r]; `dy` and `dx` may be the same, then without `accumulate`.
  package static func gradient(
    logarithm: Bool, rows: Int, columns: Int, y: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    into dx: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    if logarithm {
      rondo_log_softmax_gradient(rows, columns, y, dy, dx, accumulate ? 1 : 0)
    } else {
      rondo_softmax_gradient(rows, columns, y, dy, dx, accumulate ? 1 : 0)
    }
  }
}
