import CKernels

/// Loss of each row of a rows × columns matrix, and its gradient.
package enum RowLoss {
  /// losses[r] = -log softmax(logits[r])[labels[r]], probabilities = softmax(logits).
  package static func softmaxCrossEntropy(
    rows: Int, columns: Int, logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    probabilities: UnsafeMutablePointer<Float>, losses: UnsafeMutablePointer<Float>
  ) {
    rondo_softmax_cross_entropy(rows, columns, logits, labels, probabilities, losses)
  }

  /// d[r][c] (+)= dlosses[r] · (probabilities[r][c] - [c = labels[r]])
  package static func softmaxCrossEntropyGradient(
    rows: Int, columns: Int, probabilities: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    dlosses: UnsafePointer<Float>, into d: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    rondo_softmax_cross_entropy_gradient(
      rows, columns, probabilities, labels, dlosses, d, accumulate ? 1 : 0)
  }

  /// losses[r] = Σ (x[r][c] - target[r][c])² / columns
  package static func meanSquaredError(
    rows: Int, columns: Int, x: UnsafePointer<Float>, target: UnsafePointer<Float>,
    losses: UnsafeMutablePointer<Float>
  ) {
    rondo_mean_squared_error(rows, columns, x, target, losses)
  }

  /// d[r][c] (+)= dlosses[r] · 2 (x[r][c] - target[r][c]) / columns
  package static func meanSquaredErrorGradient(
    rows: Int, columns: Int, x: UnsafePointer<Float>, target: UnsafePointer<Float>,
    dlosses: UnsafePointer<Float>, into d: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    rondo_mean_squared_error_gradient(rows, columns, x, target, dlosses, d, accumulate ? 1 : 0)
  }
}
