import MPITestSupport
import Testing

@testable import Training

@Suite struct ExactSumTests {
  private func sum(_ terms: some Sequence<Double>) -> ExactSum {
    var sum = ExactSum()
    for term in terms { sum.add(term) }
    return sum
  }

  /// Terms m 2^e of which 128 bits hold any sum: the oracle rounds that once.
  @Test func itIsTheExactSumRoundedOnce() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for round in 0..<300 {
      var oracle: Int128 = 0
      var terms: [Double] = []
      for _ in 0..<Int.random(in: 0...40, using: &random) {
        let exponent = Int.random(in: 0...60, using: &random)
        let bits =
          Int64.random(in: -(1 << 53)...1 << 53, using: &random) >> Int64.random(in: 0...52, using: &random)
        oracle += Int128(bits) << exponent
        terms.append(Double(bits) * Double(sign: .plus, exponent: exponent - 30, significand: 1))
      }
      let expected = Double(oracle) * 0x1p-30
      #expect(sum(terms).value == expected, "seed \(seed), round \(round)")
    }
  }

  @Test func neitherOrderNorDivisionChangesAWord() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let terms = (0..<500).map { _ in
      // Any finite double at all, of both signs.
      Double(
        sign: Bool.random(using: &random) ? .minus : .plus,
        exponentBitPattern: UInt.random(in: 0...2046, using: &random),
        significandBitPattern: UInt64.random(in: 0..<1 << 52, using: &random))
    }
    let whole = sum(terms)
    #expect(sum(terms.shuffled(using: &random)).words == whole.words, "seed \(seed)")
    for parts in 1...5 {
      var words = [Int64](repeating: 0, count: ExactSum.wordCount)
      for part in 0..<parts {
        let range = part * terms.count / parts..<(part + 1) * terms.count / parts
        for (index, word) in sum(terms[range]).words.enumerated() { words[index] += word }
      }
      #expect(ExactSum(words: words).words == whole.words, "seed \(seed)")
      #expect(ExactSum(words: words).value.bitPattern == whole.value.bitPattern)
    }
  }

  @Test func nothingIsTooSmallOrTooLarge() {
    let (greatest, least) = (Double.greatestFiniteMagnitude, Double.leastNonzeroMagnitude)
    #expect(sum([1e308, 1, -1e308]).value == 1)
    #expect(sum([greatest, least, greatest, -greatest, -greatest]).value == least)
    #expect(sum([greatest, greatest]).value == .infinity)
    #expect(sum([-greatest, -greatest]).value == -.infinity)
    #expect(sum([-greatest, -greatest, greatest]).value == -greatest)
    let next = (1.0).nextUp
    // Halfway between 1 and the next double: even wins, a trace decides.
    #expect(sum([1, 0x1p-53]).value == 1)
    #expect(sum([1, 0x1p-53, least]).value == next)
    #expect(sum([-1, -0x1p-53, -least]).value == -next)
    #expect(sum([next, 0x1p-53]).value == next.nextUp)
    #expect(sum([]).value == 0)
    #expect(sum([-0.0, 0]).value.sign == .plus)
  }

  @Test func whatIsNotFiniteStaysSo() {
    #expect(sum([1, .infinity, -2]).value == .infinity)
    #expect(sum([1, -.infinity]).value == -.infinity)
    #expect(sum([.infinity, -.infinity]).value.isNaN)
    #expect(sum([1, .nan, 2]).value.isNaN)
    #expect(ExactSum(words: sum([.infinity]).words).value == .infinity)
  }
}
