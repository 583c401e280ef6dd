import Kernels
import Testing

@Suite struct SumOfSquaresTests {
  private func sum(_ x: [Float]) -> Double {
    x.withUnsafeBufferPointer { x in
      x.baseAddress.map { OptimizerKernels.sumOfSquares(x.count, $0) } ?? 0
    }
  }

  /// The order of additions that the kernel promises.
  private func ordered(_ x: [Float]) -> Double {
    var lane = [Double](repeating: 0, count: 16)
    for (i, value) in x.enumerated() { lane[i % 16] += Double(value) * Double(value) }
    for half in [8, 4, 2, 1] { for l in 0..<half { lane[l] += lane[l + half] } }
    return lane[0]
  }

  @Test(arguments: [0, 1, 2, 15, 16, 17, 31, 32, 33, 1_000, 16_384])
  func theOrderOfAdditionsIsTheOneThatIsPromised(_ count: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    let philox = Philox(key: seed)
    let x = (0..<count).map { i in
      let block = philox.block(at: i, for: .synthetic)
      return (Philox.uniform(block.x) - 0.5)
        * Float(sign: .plus, exponent: Int(block.y % 60) - 30, significand: 1)
    }
    #expect(sum(x).bitPattern == ordered(x).bitPattern, "seed \(seed)")
  }

  @Test func whatOverflowsAsAFloatDoesNotHere() {
    #expect(sum([1e38, 1e38]) == 2 * Double(Float(1e38)) * Double(Float(1e38)))
    #expect(
      sum([.leastNonzeroMagnitude]) == Double(Float.leastNonzeroMagnitude)
        * Double(Float.leastNonzeroMagnitude))
    for count in [1, 17] {
      let zeros = [Float](repeating: 0, count: count)
      #expect(sum(zeros + [.nan]).isNaN)
      #expect(sum(zeros + [-.infinity]) == .infinity)
    }
  }
}
