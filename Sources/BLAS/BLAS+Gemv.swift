extension BLAS {
  /// `y = alpha op(A) x + beta y`: A is stored m x n, rows `lda` elements apart (nil: no gap); x has as many elements as
  /// op(A) has columns, y as many as it has rows. With `beta` 0, y is written without being read.
  ///
  /// - Precondition: the spans hold exactly x and y, and at least A.
  public static func gemv<Scalar: BLASScalar>(
    transpose: Bool = false, m: Int, n: Int, alpha: Scalar = 1, a: Span<Scalar>, lda: Int? = nil,
    x: Span<Scalar>, beta: Scalar = 0, y: inout MutableSpan<Scalar>, on pool: ThreadPool
  ) {
    requireMatrix("A", rows: m, columns: n, stride: lda ?? n, count: a.count)
    let (inputs, outputs) = transpose ? (m, n) : (n, m)
    precondition(x.count == inputs, "gemv: expected x of \(inputs) elements, found \(x.count)")
    precondition(y.count == outputs, "gemv: expected y of \(outputs) elements, found \(y.count)")
    a.withUnsafeBufferPointer { a in
      x.withUnsafeBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          guard let address = y.baseAddress else { return }
          let nothing = UnsafePointer(address)
          gemv(
            transpose: transpose, m: m, n: n, alpha: alpha, a: a.baseAddress ?? nothing, lda: lda ?? n,
            x: x.baseAddress ?? nothing, beta: beta, y: address, on: pool)
        }
      }
    }
  }

  /// As the public `gemv`, over memory. y does not overlap A or x.
  package static func gemv<Scalar: BLASScalar>(
    transpose: Bool, m: Int, n: Int, alpha: Scalar, a: UnsafePointer<Scalar>, lda: Int,
    x: UnsafePointer<Scalar>, beta: Scalar, y: UnsafeMutablePointer<Scalar>, on pool: ThreadPool
  ) {
    singleThreaded
    requireSize(m)
    requireSize(n)
    requireStride("A", columns: n, stride: lda)
    let (inputs, outputs) = transpose ? (m, n) : (n, m)
    let plan = MatrixVectorPlan(outputs: outputs, inputs: inputs)
    pool.run(tiles: plan.tiles) { tile in
      let range = plan[tile]
      let y = y + range.lowerBound
      if beta == 0 { y.update(repeating: 0, count: range.count) }
      guard inputs > 0 else {
        // OpenBLAS returns at once, without multiplying by beta.
        for index in 0..<range.count where beta != 0 { y[index] *= beta }
        return
      }
      let block = a + range.lowerBound * (transpose ? 1 : lda)
      Scalar._gemv(
        transpose, transpose ? m : range.count, transpose ? range.count : n, alpha, block, lda, x, beta, y)
    }
  }
}

/// How a matrix-vector product is cut: along the result, into at most 64 tiles of at least 65,536 elements of the matrix
/// and 64 of the result, by the shape alone.
struct MatrixVectorPlan: Equatable {
  let outputs: Int
  let perTile: Int

  init(outputs: Int, inputs: Int) {
    self.outputs = outputs
    let parts = min(64, max(1, outputs / 64), max(1, outputs * inputs / 65_536))
    perTile = max(1, (((outputs + parts - 1) / parts) + 15) / 16 * 16)
  }

  var tiles: Int { (outputs + perTile - 1) / perTile }

  subscript(tile: Int) -> Range<Int> { tile * perTile..<min((tile + 1) * perTile, outputs) }
}
