import Testing

@testable import BLAS

@Suite struct GemmAddingTests {
  @Test("the finished product is added to C in one addition an element, on any number of threads")
  func equalsAProductAndASum() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = RandomNumbers(seed: seed)
    let pools = [1, 2, 3].map { ThreadPool(threads: $0) }
    var through = (scratch: 0, directly: 0)
    for index in 0..<60 {
      func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
      let (m, n) = index % 3 == 0 ? (pick(1...12), pick(1...900)) : (pick(1...300), pick(1...300))
      let k = index % 2 == 0 ? pick(1...320) : pick(320...1_100)
      let product = GemmCase<Float>(m: m, n: n, k: k, alpha: 1, beta: 0, using: &random)
      let apart = product.product(on: pools[0])
      let before: [Float] = random.values(m * product.ldc, as: Float.self)
      let count = BLAS.addingScratchCount(
        transposeA: product.transposeA, transposeB: product.transposeB, m: m, n: n, k: k)
      if count > 0 { through.scratch += 1 } else { through.directly += 1 }
      for pool in pools {
        let scratch = count > 0 ? ThreadScratch(slots: pool.threads, count: count) : nil
        var sum = before
        BLAS.gemmAdding(
          transposeA: product.transposeA, transposeB: product.transposeB, m: m, n: n, k: k, a: product.a,
          lda: product.lda, b: product.b, ldb: product.ldb, to: &sum, ldc: product.ldc, scratch: scratch,
          on: pool
        ) { count, row, product in
          for index in 0..<count { row[index] += product[index] }
        }
        let isSame = sum.indices.allSatisfy { index in
          let isBetweenRows = index % product.ldc >= n
          return sum[index] == (isBetweenRows ? before[index] : before[index] + apart[index])
        }
        #expect(isSame, "seed \(seed): \(product), \(pool.threads) threads")
      }
    }
    #expect(through.scratch > 0 && through.directly > 0, "seed \(seed): \(through)")
  }
}
