import BLAS
import Testing

@Suite struct BatchedGemmTests {
  /// Products too small to be cut, and ones that are: each has the bits of the same product alone.
  @Test(
    arguments: [(0, 4, 4, 4), (1, 1, 1, 1), (37, 5, 7, 3), (3, 150, 160, 130), (5, 4, 6, 0)],
    [(false, false), (true, false), (false, true), (true, true)])
  func eachProductIsThatOfGemm(_ size: (Int, Int, Int, Int), _ transposed: (Bool, Bool)) {
    let (count, m, n, k) = size
    let a = (0..<count * m * k).map { Float($0 * 7 % 23) - 11 }
    let b = (0..<count * k * n).map { Float($0 * 5 % 19) - 9 }
    let pool = ThreadPool(threads: 2)
    for beta in [Float(0), 1] {
      var found = [Float](repeating: beta == 0 ? .nan : 2, count: count * m * n)
      var expected = found
      found.withUnsafeMutableBufferPointer { c in
        guard let c = c.baseAddress else { return }
        BLAS.batchedGemm(
          count: count, transposeA: transposed.0, transposeB: transposed.1, m: m, n: n, k: k, alpha: 1, a: a,
          b: b, beta: beta, c: c, on: pool)
      }
      for index in 0..<count {
        let (left, right) = (index * m * k, index * k * n)
        var one = expected[index * m * n..<(index + 1) * m * n].map { $0 }
        var span = one.mutableSpan
        BLAS.gemm(
          transposeA: transposed.0, transposeB: transposed.1, m: m, n: n, k: k,
          a: Array(a[left..<left + m * k]).span, b: Array(b[right..<right + k * n]).span, beta: beta,
          c: &span,
          on: pool)
        for i in one.indices { expected[index * m * n + i] = one[i] }
      }
      #expect(found.map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }
}
