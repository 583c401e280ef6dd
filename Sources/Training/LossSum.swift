/// A sum of losses that has no rounding once its terms are in, so that it does not depend on how they are shared out: whole numbers, which
/// ranks add word by word.
///
/// A term is kept to units of 2^-64, in digits of 32 bits: up to 2^160, more than a microbatch of the largest floats comes to. A digit has room
/// for 2^31 terms. `ExactSum` holds all that doubles can be, in ten times as many words.
struct LossSum: Equatable, Sendable {
  static let wordCount = 8
  /// Terms are smaller.
  static let bound = 0x1p160

  /// Digit i counts units of 2^(32 i - 64); carries stay where they are.
  private var digits = SIMD8<Int64>()

  private static func unit(_ index: Int) -> Double {
    Double(sign: .plus, exponent: 32 * index - 64, significand: 1)
  }

  /// - Parameter term: of a magnitude below `bound`.
  mutating func add(_ term: Double) {
    precondition(term.magnitude < Self.bound, "LossSum: \(term) is beyond its digits")
    var rest = term
    for index in (0..<Self.wordCount).reversed() {
      // A division by a power of two and the difference are exact. What is below the last unit is rounded.
      let count = (rest / Self.unit(index)).rounded(index == 0 ? .toNearestOrEven : .towardZero)
      digits[index] += Int64(count)
      rest -= count * Self.unit(index)
    }
  }

  /// The sum, to the precision of a double.
  var value: Double {
    (0..<Self.wordCount).reversed().reduce(0) { $0 + Double(digits[$1]) * Self.unit($1) }
  }

  func write(to words: UnsafeMutablePointer<Int64>) {
    for index in 0..<Self.wordCount { words[index] = digits[index] }
  }

  mutating func add(_ words: UnsafePointer<Int64>) {
    for index in 0..<Self.wordCount { digits[index] += words[index] }
  }
}
