import Testing

@testable import BLAS

@Suite(.serialized) struct VectorTests {
  private static let pools = [1, 2, 3, 4, 7].map { ThreadPool(threads: $0) }
  static let lengths = [0, 1, 2, 15, 16_383, 16_384, 16_385, 100_003, 1_100_000]

  @Test("dot has the same bits on any number of threads, near the exact sum", arguments: lengths)
  func dot(count: Int) {
    var random = RandomNumbers(seed: UInt64(count))
    let x = random.values(count, as: Float.self)
    let y = random.values(count, as: Float.self)
    let first = BLAS.dot(x.span, y.span, on: Self.pools[0])
    for pool in Self.pools {
      #expect(BLAS.dot(x.span, y.span, on: pool).bitPattern == first.bitPattern)
    }
    var (exact, magnitude) = (0.0, 0.0)
    for index in 0..<count {
      let term = Double(x[index]) * Double(y[index])
      exact += term
      magnitude += term.magnitude
    }
    // OpenBLAS sums in many lanes: far below the bound of a plain sum, count x 2^-24 x magnitude.
    #expect((Double(first) - exact).magnitude <= 1e-6 * magnitude.squareRoot() * 10 + 1e-7 * magnitude)
  }

  @Test("axpy and scal have the same bits on any number of threads", arguments: lengths)
  func axpyAndScal(count: Int) {
    var random = RandomNumbers(seed: UInt64(count) + 1)
    let x = random.values(count, as: Double.self)
    let y = random.values(count, as: Double.self)
    func result(_ pool: ThreadPool) -> [Double] {
      var result = y
      var span = result.mutableSpan
      BLAS.axpy(alpha: 0.3, x.span, &span, on: pool)
      BLAS.scal(alpha: -1.7, &span, on: pool)
      return result
    }
    let first = result(Self.pools[0])
    for pool in Self.pools { #expect(sameBits(result(pool), first)) }
    for index in stride(from: 0, to: count, by: 97) {
      #expect((first[index] - -1.7 * (0.3 * x[index] + y[index])).magnitude < 1e-14)
    }
  }

  @Test("scaling by 0 clears NaN")
  func scalByZero() {
    var x: [Float] = [.nan, .infinity, 3]
    var span = x.mutableSpan
    BLAS.scal(alpha: 0, &span, on: Self.pools[1])
    #expect(x == [0, 0, 0])
  }

  @Test(
    "gemv has the same bits on any number of threads, near the exact product",
    arguments: [(1, 1), (0, 5), (5, 0), (1, 70_000), (70_000, 1), (300, 500), (1_000, 777), (63, 4_100)],
    [false, true])
  func gemv(shape: (m: Int, n: Int), transpose: Bool) {
    let (m, n) = shape
    var random = RandomNumbers(seed: UInt64(m * 3 + n))
    let stride = n + 3
    let a = random.values(m * stride, as: Float.self)
    let x = random.values(transpose ? m : n, as: Float.self)
    let old = random.values(transpose ? n : m, as: Float.self)
    for beta: Float in [0, 1, 0.5] {
      func result(_ pool: ThreadPool) -> [Float] {
        var y = beta == 0 ? [Float](repeating: .nan, count: old.count) : old
        var span = y.mutableSpan
        BLAS.gemv(
          transpose: transpose, m: m, n: n, alpha: 2, a: a.span, lda: stride, x: x.span, beta: beta, y: &span,
          on: pool)
        return y
      }
      let first = result(Self.pools[0])
      for pool in Self.pools { #expect(sameBits(result(pool), first)) }
      for i in Swift.stride(from: 0, to: old.count, by: max(1, old.count / 20)) {
        var (sum, magnitude) = (0.0, 0.0)
        for j in x.indices {
          let term = 2 * Double(transpose ? a[j * stride + i] : a[i * stride + j]) * Double(x[j])
          sum += term
          magnitude += term.magnitude
        }
        let kept = beta == 0 ? 0 : Double(beta) * Double(old[i])
        let bound = Double(x.count + 2) * Double(Float.ulpOfOne) * (magnitude + kept.magnitude)
        #expect((Double(first[i]) - sum - kept).magnitude <= bound)
      }
    }
  }
}
