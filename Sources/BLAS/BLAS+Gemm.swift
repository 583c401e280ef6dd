extension BLAS {
  /// `C = alpha op(A) op(B) + beta C`: op(A) is m x k, op(B) is k x n, C is m x n, and op(X) is X or its transpose.
  ///
  /// - Parameters:
  ///   - a: A, stored m x k (k x m if `transposeA`), rows `lda` elements apart.
  ///   - b: B, stored k x n (n x k if `transposeB`), rows `ldb` elements apart.
  ///   - beta: 0 means that C is written without being read, whatever it holds.
  ///   - c: C, rows `ldc` elements apart; elements between the rows are left alone.
  ///   - lda, ldb, ldc: nil for matrices without a gap between rows.
  ///   - pool: the threads that take tiles.
  /// - Precondition: the spans hold the matrices; sizes are at most ``largestSize``.
  public static func gemm<Scalar: BLASScalar>(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Scalar = 1,
    a: Span<Scalar>, lda: Int? = nil, b: Span<Scalar>, ldb: Int? = nil, beta: Scalar = 0,
    c: inout MutableSpan<Scalar>, ldc: Int? = nil, on pool: ThreadPool
  ) {
    let (lda, ldb, ldc) = (lda ?? (transposeA ? m : k), ldb ?? (transposeB ? k : n), ldc ?? n)
    requireMatrix("A", rows: transposeA ? k : m, columns: transposeA ? m : k, stride: lda, count: a.count)
    requireMatrix("B", rows: transposeB ? n : k, columns: transposeB ? k : n, stride: ldb, count: b.count)
    requireMatrix("C", rows: m, columns: n, stride: ldc, count: c.count)
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          // An empty matrix has no address, and then either C is empty or A and B are not read.
          guard let address = c.baseAddress else { return }
          let nothing = UnsafePointer(address)
          gemm(
            transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha,
            a: a.baseAddress ?? nothing, lda: lda, b: b.baseAddress ?? nothing, ldb: ldb, beta: beta,
            c: address, ldc: ldc, on: pool)
        }
      }
    }
  }

  /// As the public `gemm`, over memory. C does not overlap A or B.
  ///
  /// - Parameter epilogue: called with the rows and columns of each finished tile, on the thread that computed it.
  package static func gemm<Scalar: BLASScalar>(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Scalar,
    a: UnsafePointer<Scalar>, lda: Int, b: UnsafePointer<Scalar>, ldb: Int, beta: Scalar,
    c: UnsafeMutablePointer<Scalar>, ldc: Int, on pool: ThreadPool,
    epilogue: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void = { _, _ in }
  ) {
    singleThreaded
    requireStride("A", columns: transposeA ? m : k, stride: lda)
    requireStride("B", columns: transposeB ? k : n, stride: ldb)
    requireStride("C", columns: n, stride: ldc)
    requireSize(m)
    requireSize(n)
    requireSize(k)
    guard m > 0, n > 0 else { return }
    let plan = TilePlan(m: m, n: n, k: k, transposeA: transposeA, transposeB: transposeB)
    // CBLAS wants distances of at least 1 even where there is nothing to read (k = 0).
    let (lda, ldb) = (max(lda, 1), max(ldb, 1))
    pool.run(tiles: plan.count) { tile in
      let (rows, columns) = plan[tile]
      Scalar._gemm(
        transposeA, transposeB, rows.count, columns.count, k, alpha,
        a + rows.lowerBound * (transposeA ? 1 : lda), lda,
        b + columns.lowerBound * (transposeB ? ldb : 1), ldb, beta,
        c + rows.lowerBound * ldc + columns.lowerBound, ldc)
      epilogue(rows, columns)
    }
  }

  /// Traps unless a span of `count` elements holds the matrix.
  static func requireMatrix(_ name: String, rows: Int, columns: Int, stride: Int, count: Int) {
    requireSize(rows)
    requireSize(columns)
    requireStride(name, columns: columns, stride: stride)
    let needed = rows == 0 || columns == 0 ? 0 : (rows - 1) * stride + columns
    precondition(
      count >= needed,
      "\(name), \(rows) x \(columns) with rows \(stride) apart: expected \(needed) elements, found \(count)")
  }

  static func requireStride(_ name: String, columns: Int, stride: Int) {
    precondition(
      stride >= columns && stride <= largestSize,
      "\(name): expected rows \(columns) to \(largestSize) elements apart, found \(stride)")
  }

  static func requireSize(_ size: Int) {
    precondition(size >= 0 && size <= largestSize, "expected a size of 0 to \(largestSize), found \(size)")
  }
}
