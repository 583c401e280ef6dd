import Testing

@testable import Datasets

@Suite struct DecimalReaderTests {
  private let reader = DecimalReader()

  private func read(_ text: String) -> DecimalNumber {
    Array(text.utf8).withUnsafeBufferPointer { reader.read($0) }
  }

  @Test(arguments: [
    "0", "-0", "1", "+1", "-1.5", "16", "0.1", ".5", "5.", "1e3", "1E-3", "1.25e+2", "  7  ", "\t7", "00012",
    "0.000000000000000000000000000001", "123456789012345678901234567890", "3.4028235e38", "1e-45", "1e-46",
    "1e-400",
    "0e9999999999", "1.17549435e-38", "0.30000001192092896", "16777216", "9007199254740993",
  ])
  func aDecimalIsTheNearestFloat(text: String) throws {
    let expected = try #require(Float(text.trimmingPrefix { $0 == " " || $0 == "\t" }.prefix { $0 != " " }))
    #expect(read(text) == .number(expected))
    #expect(expected.isFinite)
  }

  /// The middle between two floats, and its neighbours one unit in the last of many digits away: rounding twice (to a double,
  /// then to a float) fails on these.
  @Test(arguments: [
    ("16777217", Float(16_777_216)), ("16777219", 16_777_220), ("16777217.0000000000000001", 16_777_218),
    ("16777216.9999999999999999", 16_777_216), ("1.000000059604644775390625", 1),
    ("1.0000000596046447753906251", Float(1).nextUp), ("1.0000000596046447753906249", 1),
    ("1.000000178813934326171875", Float(1).nextUp.nextUp),
  ])
  func theMiddleBetweenTwoFloatsIsRoundedOnce(text: String, expected: Float) {
    #expect(read(text) == .number(expected))
  }

  @Test func randomDecimalsAreTheNearestFloats() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for _ in 0..<200_000 {
      let float = Float(bitPattern: UInt32.random(in: 0..<0x7F80_0000, using: &random))
      let digits = String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 10)
      let cut = Int.random(in: 0...digits.count, using: &random)
      let texts = [
        "\(float)", "\(Double(float))", "\(digits.prefix(cut)).\(digits.dropFirst(cut))",
        "-\(digits.prefix(6))e\(Int.random(in: -50...32, using: &random))",
      ]
      for text in texts where text != "." {
        guard let expected = Float(text), read(text) == .number(expected) else {
          Issue.record(
            "seed \(seed): \(text): expected \(String(describing: Float(text))), found \(read(text))")
          return
        }
      }
    }
  }

  @Test func whatIsNoNumberIsNamed() {
    for text in ["", " ", "\t \t"] { #expect(read(text) == .empty, "\(text)") }
    for text in ["nan", "NaN", "-nan", "inf", "+Inf", "Infinity"] {
      #expect(read(text) == .notFinite, "\(text)")
    }
    for text in ["1e39", "3.5e38", "-1e400", "1e99999999999999999999"] {
      #expect(read(text) == .tooLarge, "\(text)")
    }
    for text in [
      "abc", "1,5", "1.2.3", "0x10", "1e", "1e+", "--1", "+", "-", ".", "e5", "1 2", "1_000", "1f", "١",
    ] {
      #expect(read(text) == .text, "\(text)")
    }
  }
}

/// A generator with a seed that can be printed (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
