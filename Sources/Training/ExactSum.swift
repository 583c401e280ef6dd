/// A sum of doubles that is exact until it is read, so that neither the order of its terms nor their division over ranks changes a bit.
///
/// A fixed-point number with a bit for every power of two that a finite double has, from 2^-1074 up. It is kept in digits of 32 bits, each
/// with room for the carries of 2^31 terms. Terms that are not finite are counted apart.
///
/// Source: U. Kulisch, "Computer Arithmetic and Validity", 2nd edition, 2013, chapter 8.
struct ExactSum: Sendable {
  /// The digits hold more than 2^60 times the largest double.
  private static let digitCount = 68
  private static let digit: Int64 = 0xFFFF_FFFF

  /// Digit i counts units of 2^(32 i - 1074).
  private var digits = [Int64](repeating: 0, count: Self.digitCount)
  /// Terms since the carries were passed on.
  private var waiting = 0
  private var (notNumbers, infinities, negativeInfinities) = (Int64(0), Int64(0), Int64(0))

  mutating func add(_ term: Double) {
    guard term.isFinite else { return addNotFinite(term) }
    let isNormal = term.exponentBitPattern > 0
    let significand = term.significandBitPattern | (isNormal ? 1 << 52 : 0)
    // The lowest bit of the significand stands for 2^(place - 1074).
    let place = isNormal ? Int(term.exponentBitPattern) - 1 : 0
    let (first, shift) = place.quotientAndRemainder(dividingBy: 32)
    let low = (significand & 0xFFFF_FFFF) << shift
    let high = (significand >> 32) << shift + low >> 32
    let sign: Int64 = term.sign == .minus ? -1 : 1
    digits[first] += sign * (Int64(low) & Self.digit)
    digits[first + 1] += sign * (Int64(high) & Self.digit)
    digits[first + 2] += sign * Int64(high >> 32)
    waiting += 1
    if waiting == 1 << 30 { passCarries() }
  }

  /// What the sum is, as integers that add up: the sum of all ranks' words is the words of the whole sum.
  var words: [Int64] {
    var sum = self
    sum.passCarries()
    return sum.digits + [notNumbers, infinities, negativeInfinities]
  }

  static let wordCount = digitCount + 3

  init() {}

  init(words: some Collection<Int64>) {
    precondition(words.count == Self.wordCount, "ExactSum: expected \(Self.wordCount) words")
    digits = Array(words.prefix(Self.digitCount))
    let rest = Array(words.suffix(3))
    (notNumbers, infinities, negativeInfinities) = (rest[0], rest[1], rest[2])
    passCarries()
  }

  /// The double nearest to the sum (ties to even); NaN and the infinities as if the terms had been added one by one.
  var value: Double {
    if notNumbers > 0 || infinities > 0 && negativeInfinities > 0 { return .nan }
    if infinities > 0 { return .infinity }
    if negativeInfinities > 0 { return -.infinity }
    var sum = self
    sum.passCarries()
    let isNegative = sum.digits[Self.digitCount - 1] < 0
    if isNegative {
      for i in sum.digits.indices { sum.digits[i] = -sum.digits[i] }
      sum.passCarries()
    }
    let magnitude = sum.magnitude
    return isNegative ? -magnitude : magnitude
  }

  /// Of digits without carries and sign.
  private var magnitude: Double {
    guard let top = digits.lastIndex(where: { $0 != 0 }) else { return 0 }
    // The last digit counts units of 2^1070.
    guard top < Self.digitCount - 1 else { return .infinity }
    let first = max(0, top - 3)
    var window: UInt128 = 0
    for i in (first...top).reversed() { window = window << 32 | UInt128(digits[i]) }
    // Of 97 bits at least, the lowest one stands for all that are below: it only decides which side of a tie the sum is on.
    if digits[..<first].contains(where: { $0 != 0 }) { window |= 1 }
    return Double(sign: .plus, exponent: 32 * first - 1074, significand: Double(window))
  }

  private mutating func addNotFinite(_ term: Double) {
    if term.isNaN { notNumbers += 1 } else if term > 0 { infinities += 1 } else { negativeInfinities += 1 }
  }

  /// Brings all digits but the last, which has the sign, into 0..<2^32.
  private mutating func passCarries() {
    for i in 0..<Self.digitCount - 1 {
      digits[i + 1] += digits[i] >> 32
      digits[i] &= Self.digit
    }
    waiting = 0
  }
}
