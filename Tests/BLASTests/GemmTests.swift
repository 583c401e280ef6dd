import Testing

@testable import BLAS

@Suite struct GemmTests {
  // Each test has pools of its own: a region on a pool that is busy runs inline, which would prove nothing.
  private let pools = [1, 2, 3, 4, 7].map { ThreadPool(threads: $0) }

  /// Shapes of all kinds: one row or column, narrow, wide, deep, square, around the edges of tiles.
  private static func shape(_ index: Int, using random: inout RandomNumbers) -> (m: Int, n: Int, k: Int) {
    func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    switch index % 8 {
    case 0: return (1, pick(1...2_000), pick(1...1_500))
    case 1: return (pick(1...2_000), 1, pick(1...1_500))
    case 2: return (pick(300...3_000), pick(2...20), pick(1...400))
    case 3: return (pick(2...20), pick(300...3_000), pick(1...400))
    case 4: return (pick(1...130), pick(1...130), pick(2_001...3_500))
    case 5: return (pick(100...500), pick(100...500), pick(1...300))
    case 6: return (32 * pick(1...12) + pick(-1...1), 32 * pick(1...12) + pick(-1...1), pick(1...600))
    default: return (pick(0...40), pick(0...40), pick(0...40))
    }
  }

  private func check<Scalar: BLASScalar>(
    _ index: Int, as type: Scalar.Type, using random: inout RandomNumbers
  ) {
    let (m, n, k) = Self.shape(index, using: &random)
    let alpha: Scalar = index % 3 == 0 ? 0.75 : 1
    let beta: Scalar = [0, 1, -0.5][index / 2 % 3]
    let product = GemmCase<Scalar>(m: m, n: n, k: k, alpha: alpha, beta: beta, using: &random)
    let first = product.product(on: pools[0])
    for pool in pools.dropFirst() {
      #expect(sameBits(product.product(on: pool), first), "\(product): bits with \(pool.threads) threads")
    }
    for i in 0..<m {
      let gap = i * product.ldc + n..<(i + 1) * product.ldc
      #expect(sameBits(first[gap], product.c[gap]), "\(product): wrote between rows")
    }
    guard m > 0, n > 0 else { return }
    for sample in 0..<40 {
      let i = [0, m - 1, Int.random(in: 0..<m, using: &random)][sample % 3]
      let j = [0, n - 1, Int.random(in: 0..<n, using: &random)][sample / 3 % 3]
      let (value, bound) = product.reference(i, j)
      let error = (Double(first[i * product.ldc + j]) - value).magnitude
      #expect(error <= bound, "\(product): element \(i), \(j)")
    }
  }

  @Test("1, 2, 3, 4 and 7 threads give the same bits, within rounding of the exact product", arguments: 0..<4)
  func bitsDoNotDependOnThreads(part: Int) {
    let seed = UInt64.random(in: 0 ... .max)
    var random = RandomNumbers(seed: seed)
    print("gemm seed \(seed)")
    for index in part * 90..<(part + 1) * 90 {
      if index % 4 == 3 {
        check(index, as: Double.self, using: &random)
      } else {
        check(index, as: Float.self, using: &random)
      }
    }
  }

  @Test("k = 0 leaves beta C")
  func emptySum() {
    var c: [Float] = [1, 2, 3, 4]
    var span = c.mutableSpan
    let nothing: [Float] = []
    BLAS.gemm(m: 2, n: 2, k: 0, a: nothing.span, b: nothing.span, beta: 2, c: &span, on: pools[1])
    #expect(c == [2, 4, 6, 8])
  }

  @Test(
    "the epilogue sees each finished element once",
    arguments: [(300, 200, 100), (7, 5, 3), (1, 4_000, 500)])
  func epilogue(m: Int, n: Int, k: Int) {
    let a = [Float](repeating: 1, count: m * k)
    let b = [Float](repeating: 1, count: k * n)
    let c = UnsafeMutableBufferPointer<Float>.allocate(capacity: m * n)
    c.initialize(repeating: .nan)
    defer { c.deallocate() }
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        BLAS.gemm(
          transposeA: false, transposeB: false, m: m, n: n, k: k, alpha: 1, a: a.baseAddress!, lda: k,
          b: b.baseAddress!, ldb: n, beta: 0, c: c.baseAddress!, ldc: n, on: pools[3]
        ) { rows, columns in
          for row in rows {
            for column in columns { c[row * n + column] += 1_000_000 }
          }
        }
      }
    }
    #expect(c.allSatisfy { $0 == Float(k) + 1_000_000 })
  }
}
