extension BLAS {
  /// `C += op(A) op(B)`, over memory, so that the finished product is added to C in one addition an element: the bits are those of
  /// `gemm` with beta 0 into other memory and a sum afterwards.
  ///
  /// Where OpenBLAS does so by itself (`WholeAddition`), it does all; else each tile's product is left in a thread's scratch, for
  /// `add`.
  ///
  /// - Parameters:
  ///   - scratch: a slot for each thread of the pool, of ``addingScratchCount(transposeA:transposeB:m:n:k:)`` elements; nil if that is 0.
  ///   - add: adds `count` elements of a product to a row of C.
  package static func gemmAdding(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int,
    b: UnsafePointer<Float>, ldb: Int, to c: UnsafeMutablePointer<Float>, ldc: Int,
    scratch: ThreadScratch?, on pool: ThreadPool,
    add: (_ count: Int, _ row: UnsafeMutablePointer<Float>, _ product: UnsafePointer<Float>) -> Void
  ) {
    // Who calls it has asked once; to ask again in every step would cost as much as a small product.
    assert(
      addingScratchCount(transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k) == 0
        || scratch != nil, "BLAS.gemmAdding: expected scratch")
    guard let scratch else {
      gemm(
        transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: 1, a: a, lda: lda, b: b,
        ldb: ldb, beta: 1, c: c, ldc: ldc, on: pool)
      return
    }
    guard m > 0, n > 0 else { return }
    singleThreaded
    let plan = TilePlan(m: m, n: n, k: k, transposeA: transposeA, transposeB: transposeB)
    precondition(
      scratch.count >= plan.rowsPerTile * plan.columnsPerTile, "BLAS.gemmAdding: expected scratch for a tile")
    let (lda, ldb) = (max(lda, 1), max(ldb, 1))
    pool.run(tiles: plan.count) { tile in
      let (rows, columns) = plan[tile]
      let slot = scratch.claim()
      let product = scratch[slot]
      Float._gemm(
        transposeA, transposeB, rows.count, columns.count, k, 1,
        a + rows.lowerBound * (transposeA ? 1 : lda), lda,
        b + columns.lowerBound * (transposeB ? ldb : 1), ldb, 0, product, columns.count)
      for (number, row) in rows.enumerated() {
        add(columns.count, c + row * ldc + columns.lowerBound, product + number * columns.count)
      }
      scratch.release(slot)
    }
  }

  /// Elements of scratch that a thread needs in `gemmAdding`; 0 for none.
  package static func addingScratchCount(transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int) -> Int {
    singleThreaded
    guard m > 0, n > 0 else { return 0 }
    let plan = TilePlan(m: m, n: n, k: k, transposeA: transposeA, transposeB: transposeB)
    func addsWhole(_ tile: Int) -> Bool {
      let (rows, columns) = plan[tile]
      return WholeAddition(
        transposeA: transposeA, transposeB: transposeB, rows: rows.count, columns: columns.count, inner: k
      ).holds
    }
    // Tiles at the far ends may be smaller.
    let areAll =
      addsWhole(0) && addsWhole(plan.rowParts - 1) && addsWhole(plan.count - plan.rowParts)
      && addsWhole(plan.count - 1)
    return areAll ? 0 : plan.rowsPerTile * plan.columnsPerTile
  }
}
