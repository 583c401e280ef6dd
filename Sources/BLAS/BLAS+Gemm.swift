extension BLAS {
  /// `C = alpha op(A) op(B) + beta C`, row-major: op(A) is m x k, op(B) is k x n, C is m x n, and op(X) is X or its
  /// transpose.
  ///
  /// - Parameters:
  ///   - a: A, stored m x k (k x m if `transposeA`), rows `lda` elements apart.
  ///   - b: B, stored k x n (n x k if `transposeB`), rows `ldb` elements apart.
  ///   - beta: 0 means that C is written without being read, whatever it holds.
  ///   - c: C, rows `ldc` elements apart; elements between the rows are left alone. Does not overlap A or B.
  ///   - pool: the threads that take tiles.
  ///   - epilogue: called with the rows and columns of each finished tile, on the thread that computed it.
  package static func gemm<Scalar: BLASScalar>(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Scalar,
    a: UnsafePointer<Scalar>, lda: Int, b: UnsafePointer<Scalar>, ldb: Int, beta: Scalar,
    c: UnsafeMutablePointer<Scalar>, ldc: Int, on pool: ThreadPool,
    epilogue: ((Range<Int>, Range<Int>) -> Void)? = nil
  ) {
    singleThreaded
    precondition(m >= 0 && n >= 0 && k >= 0, "gemm: expected m, n, k of at least 0, found \(m), \(n), \(k)")
    let (rowA, rowB) = (transposeA ? m : k, transposeB ? k : n)
    precondition(lda >= rowA, "gemm: expected lda of at least \(rowA), found \(lda)")
    precondition(ldb >= rowB, "gemm: expected ldb of at least \(rowB), found \(ldb)")
    precondition(ldc >= n, "gemm: expected ldc of at least \(n), found \(ldc)")
    guard m > 0, n > 0 else { return }
    let plan = TilePlan(m: m, n: n, k: k)
    pool.run(tiles: plan.count) { tile in
      let (rows, columns) = plan[tile]
      Scalar._gemm(
        transposeA, transposeB, rows.count, columns.count, k, alpha,
        a + rows.lowerBound * (transposeA ? 1 : lda), max(lda, 1),
        b + columns.lowerBound * (transposeB ? ldb : 1), max(ldb, 1), beta,
        c + rows.lowerBound * ldc + columns.lowerBound, ldc)
      epilogue?(rows, columns)
    }
  }
}
