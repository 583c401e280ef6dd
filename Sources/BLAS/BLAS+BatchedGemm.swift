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
    let products = BatchedProduct(
      count: count, plan: plan, transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k,
      alpha: alpha,
      a: a, b: b, beta: beta, c: c)
    pool.run(tiles: products.tiles, products)
  }
}

/// Many products as tiles: each of `perTile` whole products, or where the plan cuts a product, of one tile of one.
private struct BatchedProduct: TileWork {
  let count: Int
  let plan: TilePlan
  let transposeA, transposeB: Bool
  let m, n, k: Int
  let alpha: Float
  let a, b: UnsafePointer<Float>
  let beta: Float
  let c: UnsafeMutablePointer<Float>

  /// Multiplications worth handing over to another thread: about 10 microseconds.
  private static var tileVolume: Int { 1 << 19 }

  private var perTile: Int { plan.count > 1 ? 1 : max(1, Self.tileVolume / max(1, m * n * k)) }

  var tiles: Int { plan.count > 1 ? count * plan.count : (count + perTile - 1) / perTile }

  func compute(_ tile: Int) {
    if plan.count > 1 {
      multiply(tile / plan.count, plan[tile % plan.count])
    } else {
      for index in tile * perTile..<min((tile + 1) * perTile, count) { multiply(index, (0..<m, 0..<n)) }
    }
  }

  private func multiply(_ index: Int, _ part: (rows: Range<Int>, columns: Range<Int>)) {
    let (lda, ldb) = (transposeA ? m : k, transposeB ? k : n)
    // CBLAS wants distances of at least 1 even where there is nothing to read (k = 0).
    Float._gemm(
      transposeA, transposeB, part.rows.count, part.columns.count, k, alpha,
      a + index * m * k + part.rows.lowerBound * (transposeA ? 1 : lda), max(lda, 1),
      b + index * k * n + part.columns.lowerBound * (transposeB ? ldb : 1), max(ldb, 1), beta,
      c + (index * m + part.rows.lowerBound) * n + part.columns.lowerBound, n)
  }
}
