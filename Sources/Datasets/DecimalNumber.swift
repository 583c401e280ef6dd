/// What a cell holds, read as a decimal number.
enum DecimalNumber: Equatable {
  /// The 32-bit float nearest to the decimal (ties to even); a number too small for a float is 0.
  case number(Float)
  /// Nothing but blanks.
  case empty
  /// `nan`, `inf` or `infinity`, in upper or lower case, with or without a sign.
  case notFinite
  /// A number beyond the largest 32-bit float.
  case tooLarge
  /// Anything else.
  case text
}

/// Reads decimal numbers from bytes: blanks, an optional sign, digits with an optional point, an optional exponent, blanks.
///
/// `Float(String)` would need a String of each cell and takes two to four times as long. Here the first 19 digits become an integer
/// `m`, and `m * 10^e` is computed in double precision. `m`, the power and the product or quotient are each off by at most
/// 2^-53 of their size and the digits left out by less than 2^-59, so the double is off by less than 4 units in its last
/// place. Rounding it to a float is therefore right unless the double lies within 4 such units of the middle between two
/// floats. In that case (of random numbers, one in 30 million), and outside the range of normal floats, `Float(String)`
/// decides, which is exact.
struct DecimalReader {
  /// 10^0 ... 10^64, each the nearest double.
  private let powers: [Double] = (0...64).compactMap { Double("1e\($0)") }

  @inline(__always)
  func read(_ bytes: UnsafeBufferPointer<UInt8>) -> DecimalNumber {
    var start = 0
    var end = bytes.count
    while start < end, isBlank(bytes[start]) { start += 1 }
    while start < end, isBlank(bytes[end - 1]) { end -= 1 }
    if start == end { return .empty }

    var at = start
    let isNegative = bytes[at] == UInt8(ascii: "-")
    if isNegative || bytes[at] == UInt8(ascii: "+") { at += 1 }

    var digits = Digits()
    while at < end, digits.take(bytes[at], exponentStep: 0) { at += 1 }
    if at < end, bytes[at] == UInt8(ascii: ".") {
      at += 1
      while at < end, digits.take(bytes[at], exponentStep: -1) { at += 1 }
    }
    guard digits.isAny else { return notANumber(bytes[start..<end]) }
    if at < end, bytes[at] | 0x20 == UInt8(ascii: "e") {
      guard let exponent = exponent(bytes[(at + 1)..<end]) else { return .text }
      digits.exponent += exponent
      at = end
    }
    guard at == end else { return .text }

    guard digits.mantissa != 0 else { return .number(isNegative ? -0.0 : 0) }
    guard abs(digits.exponent) < powers.count else { return exact(bytes[start..<end]) }
    let mantissa = Double(digits.mantissa)
    let value =
      digits.exponent < 0 ? mantissa / powers[-digits.exponent] : mantissa * powers[digits.exponent]
    // A float keeps 29 fewer bits than a double; the middle between two floats has the highest of them set alone.
    let distanceFromMiddle = abs(Int64(value.bitPattern & 0x1FFF_FFFF) - 0x1000_0000)
    guard
      distanceFromMiddle > 8, value >= Double(Float.leastNormalMagnitude),
      value <= Double(Float.greatestFiniteMagnitude)
    else { return exact(bytes[start..<end]) }
    return .number(Float(isNegative ? -value : value))
  }

  /// The digits of a number so far: `mantissa * 10^exponent`.
  private struct Digits {
    var mantissa: UInt64 = 0
    var exponent = 0
    var isAny = false
    /// Digits in `mantissa` after leading zeros; 19 always fit.
    private var significant = 0

    @inline(__always)
    mutating func take(_ byte: UInt8, exponentStep: Int) -> Bool {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return false }
      isAny = true
      if significant < 19 {
        mantissa = mantissa &* 10 &+ UInt64(digit)
        if mantissa != 0 { significant += 1 }
        exponent += exponentStep
      } else {
        exponent += exponentStep + 1
      }
      return true
    }
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  /// An optional sign and at least one digit. Beyond 10,000 nothing changes any more.
  private func exponent(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
    let isNegative = bytes.first == UInt8(ascii: "-")
    let digits = isNegative || bytes.first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes
    guard !digits.isEmpty else { return nil }
    var exponent = 0
    for byte in digits {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      exponent = min(exponent * 10 + Int(digit), 10_000)
    }
    return isNegative ? -exponent : exponent
  }

  private func exact(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> DecimalNumber {
    guard let value = Float(String(decoding: bytes, as: UTF8.self)) else { return .text }
    return value.isFinite ? .number(value) : .tooLarge
  }

  private func notANumber(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> DecimalNumber {
    var word = String(decoding: bytes, as: UTF8.self).lowercased()
    if word.hasPrefix("+") || word.hasPrefix("-") { word.removeFirst() }
    return ["nan", "inf", "infinity"].contains(word) ? .notFinite : .text
  }
}
