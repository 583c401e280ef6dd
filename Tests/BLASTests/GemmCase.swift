@testable import BLAS

/// A product with gaps between the rows of all three matrices.
struct GemmCase<Scalar: BLASScalar>: CustomStringConvertible {
  let m, n, k: Int
  let transposeA, transposeB: Bool
  let alpha, beta: Scalar
  let lda, ldb, ldc: Int
  let a, b, c: [Scalar]

  var description: String {
    "\(Scalar.self) \(m) x \(n) x \(k), transposes \(transposeA) \(transposeB), alpha \(alpha), beta \(beta), "
      + "rows \(lda), \(ldb), \(ldc) apart"
  }

  init(m: Int, n: Int, k: Int, alpha: Scalar, beta: Scalar, using random: inout RandomNumbers) {
    (self.m, self.n, self.k, self.alpha, self.beta) = (m, n, k, alpha, beta)
    transposeA = Bool.random(using: &random)
    transposeB = Bool.random(using: &random)
    let (rowsA, columnsA) = transposeA ? (k, m) : (m, k)
    let (rowsB, columnsB) = transposeB ? (n, k) : (k, n)
    lda = columnsA + Int.random(in: 0...5, using: &random)
    ldb = columnsB + Int.random(in: 0...5, using: &random)
    ldc = n + Int.random(in: 0...5, using: &random)
    a = random.values(rowsA * lda, as: Scalar.self)
    b = random.values(rowsB * ldb, as: Scalar.self)
    // With beta 0 what C holds must not matter, be it NaN.
    c = beta == 0 ? [Scalar](repeating: .nan, count: m * ldc) : random.values(m * ldc, as: Scalar.self)
  }

  func product(on pool: ThreadPool) -> [Scalar] {
    var result = c
    var span = result.mutableSpan
    BLAS.gemm(
      transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a: a.span, lda: lda,
      b: b.span, ldb: ldb, beta: beta, c: &span, ldc: ldc, on: pool)
    return result
  }

  /// Element (i, j) in double precision, and how far a computed one may be from it: every one of the k + 2 roundings
  /// is relative to a partial sum that is at most the sum of magnitudes, hence (k + 2) u times that sum, and twice
  /// that for good measure (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
  func reference(_ i: Int, _ j: Int) -> (value: Double, bound: Double) {
    var (sum, magnitude) = (0.0, 0.0)
    for l in 0..<k {
      let term =
        Double(transposeA ? a[l * lda + i] : a[i * lda + l])
        * Double(transposeB ? b[j * ldb + l] : b[l * ldb + j])
      sum += term
      magnitude += term.magnitude
    }
    let old = beta == 0 ? 0 : Double(beta) * Double(c[i * ldc + j])
    let total = Double(alpha).magnitude * magnitude + old.magnitude
    return (Double(alpha) * sum + old, Double(k + 2) * Double(Scalar.ulpOfOne) * total)
  }
}
