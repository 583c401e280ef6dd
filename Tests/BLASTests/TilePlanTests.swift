import Testing

@testable import BLAS

@Suite struct TilePlanTests {
  @Test("the tiles of any product cover it once")
  func tilesCover() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = RandomNumbers(seed: seed)
    print("tile plan seed \(seed)")
    for _ in 0..<2_000 {
      let longest = [20, 300, 5_000].randomElement(using: &random)!
      let m = Int.random(in: 1...longest, using: &random)
      let n = Int.random(in: 1...longest, using: &random)
      let k = Int.random(in: 0...2_000, using: &random)
      let plan = TilePlan(
        m: m, n: n, k: k, transposeA: .random(using: &random), transposeB: .random(using: &random))
      let tiles = (0..<plan.count).map { plan[$0] }
      #expect(tiles.allSatisfy { !$0.rows.isEmpty && !$0.columns.isEmpty }, "\(m) x \(n) x \(k)")
      #expect(tiles.reduce(0) { $0 + $1.rows.count * $1.columns.count } == m * n, "\(m) x \(n) x \(k)")
      let corners = Set(tiles.map { [$0.rows.lowerBound, $0.columns.lowerBound] })
      #expect(corners.count == tiles.count)
      #expect(tiles.contains { $0.rows.upperBound == m && $0.columns.upperBound == n })
    }
  }

  @Test("large products have tiles for many cores, small ones one tile")
  func counts() {
    #expect(TilePlan(m: 32, n: 32, k: 32).count == 1)
    #expect(TilePlan(m: 256, n: 1_024, k: 1_024).count >= 4)
    #expect(TilePlan(m: 4_096, n: 4_096, k: 4_096).count >= 16)
    #expect(TilePlan(m: 8_192, n: 8_192, k: 8_192).count >= 64)
    #expect(TilePlan(m: .max / 4, n: 1 << 20, k: 1 << 20).count >= 4)
  }

  @Test("the tiles of a vector and of a matrix-vector product cover them once")
  func vectorTilesCover() {
    for count in [0, 1, 16_383, 16_384, 16_385, 1_000_003, 5_000_000] {
      let plan = VectorPlan(count: count)
      #expect(plan.tiles <= 64)
      #expect((0..<plan.tiles).reduce(0) { $0 + plan[$1].count } == count)
      for inputs in [0, 1, 700, 70_000] {
        let plan = MatrixVectorPlan(outputs: count, inputs: inputs)
        #expect(plan.tiles <= 64)
        #expect((0..<plan.tiles).reduce(0) { $0 + plan[$1].count } == count)
      }
    }
  }
}
