extension BLAS {
  /// `C[i] = alpha op(A[i]) op(B[i]) + beta C[i]` for each of `count` products of one shape, in one parallel region: matrices without gaps
  /// between rows, matrix i of each operand `m k`, `k n` and `m n` elements after matrix i - 1.
  ///
  /// A product too small to be cut is a piece of a tile of several; a large one is cut as `gemm` cuts it. No tile depends on
  /// the number of threads, and a product's bits not on how many there are.
  package static func batchedGemm(
    count: Int, transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Float,
    a: UnsafePointer<Float>, b: UnsafePointer<Float>, beta: Float, c: UnsafeMutablePointer<Float>,
    on pool: ThreadPool
  ) {
    singleThreaded
    requireSize(m)
    requireSize(n)
    requireSize(k)
    guard count > 0, m > 0, n > 0 else { return }
    let plan = TilePlan(m: m, n: n, k: k, transposeA: transposeA, transposeB: transposeB)
    let perTile = plan.count > 1 ? 1 : max(1, batchedTileVolume / max(1, m * n * k))
    let (lda, ldb) = (max(transposeA ? m : k, 1), max(transposeB ? k : n, 1))
    pool.run(tiles: plan.count > 1 ? count * plan.count : (count + perTile - 1) / perTile) { tile in
      let (rows, columns) = plan[tile % plan.count]
      let first = tile / plan.count * perTile
      for index in first..<min(first + perTile, count) {
        Float._gemm(
          transposeA, transposeB, rows.count, columns.count, k, alpha,
          a + index * m * k + rows.lowerBound * (transposeA ? 1 : lda), lda,
          b + index * k * n + columns.lowerBound * (transposeB ? ldb : 1), ldb, beta,
          c + (index * m + rows.lowerBound) * n + columns.lowerBound, n)
      }
    }
  }

  /// Multiplications worth handing over to another thread: about 10 microseconds.
  private static var batchedTileVolume: Int { 1 << 19 }
}
