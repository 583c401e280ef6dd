import Testing

@testable import Training

@Suite struct LossSumTests {
  private func sum(_ terms: some Sequence<Double>) -> LossSum {
    terms.reduce(into: LossSum()) { $0.add($1) }
  }

  /// Ranks add words, in any order and any groups.
  @Test func itDoesNotDependOnHowTermsAreSharedOut() {
    var random = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 0...UInt64.max, using: &random)
    var bits = seed
    let terms = (0..<200).map { _ in
      bits = bits &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let sign = bits >> 63 == 0 ? 1.0 : -1
      return sign
        * Double(
          sign: .plus, exponent: Int(bits >> 40 & 0xFF) - 100, significand: 1 + Double(bits >> 48) / 65536)
    }
    let whole = sum(terms)
    for parts in [2, 3, 7] {
      var total = LossSum()
      for part in 0..<parts {
        var words = [Int64](repeating: 0, count: LossSum.wordCount)
        sum(stride(from: part, to: terms.count, by: parts).map { terms[$0] }.reversed()).write(to: &words)
        total.add(words)
      }
      #expect(total == whole, "seed \(seed)")
    }
    var exact = ExactSum()
    for term in terms { exact.add(term) }
    #expect(abs(whole.value - exact.value) <= 1e-13 * (terms.map(\.magnitude).max() ?? 0), "seed \(seed)")
  }

  /// Losses of labels of any size: each alone comes back as it is, down to 2^-64 with fewer and fewer digits.
  @Test(arguments: [
    0, 0.1, 2.302585, 1e-6, 1e-12, 4e10, 1.3e18, 7e37, -3.5, -2e20,
    Double(Float.greatestFiniteMagnitude) * 1e6,
  ])
  func aTermComesBack(term: Double) {
    #expect(abs(sum([term]).value - term) <= max(0x1p-64, 0x1p-52 * term.magnitude))
    #expect(
      abs(sum(repeatElement(term, count: 1000)).value - 1000 * term)
        <= max(0x1p-54, 0x1p-49 * term.magnitude * 1000))
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, 0x1p160]) func whatIsNoLossIsToldToAll(term: Double) {
    var verdict = StepVerdict()
    verdict.add(loss: 1)
    verdict.add(loss: term)
    #expect(verdict.notFinite == 1 && verdict.lossSum == 1)
    var words = [Int64](repeating: 0, count: StepVerdict.wordCount)
    verdict.write(to: &words)
    var all = StepVerdict()
    for _ in 0..<3 { all.add(words) }
    #expect(all.notFinite == 3 && all.lossSum == 3)
  }
}
