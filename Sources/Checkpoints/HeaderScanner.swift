/// What is wrong with a header, and at which of its bytes.
struct HeaderProblem: Error {
  let text: String
  let position: Int
}

/// Reads the JSON of a safetensors header from front to back: objects, strings and whole numbers, which is all that a header has.
///
/// A general JSON reader would not tell that a name occurs twice, and would build a tree first.
struct HeaderScanner {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Reads `{ KEY: VALUE, ... }`.
  ///
  /// - Parameter member: reads the value of a key.
  mutating func object(
    _ member: (inout HeaderScanner, _ key: String) throws(HeaderProblem) -> Void
  ) throws(HeaderProblem) {
    try take(UInt8(ascii: "{"), "an object")
    if takeIfNext(UInt8(ascii: "}")) { return }
    while true {
      let key = try string()
      try take(UInt8(ascii: ":"), "a colon")
      try member(&self, key)
      if takeIfNext(UInt8(ascii: "}")) { return }
      try take(UInt8(ascii: ","), "a comma or the end of the object")
    }
  }

  /// Reads `[INTEGER, ...]`.
  mutating func integers() throws(HeaderProblem) -> [Int] {
    try take(UInt8(ascii: "["), "a list of integers")
    var integers: [Int] = []
    if takeIfNext(UInt8(ascii: "]")) { return integers }
    while true {
      integers.append(try integer())
      if takeIfNext(UInt8(ascii: "]")) { return integers }
      try take(UInt8(ascii: ","), "a comma or the end of the list")
    }
  }

  mutating func string() throws(HeaderProblem) -> String {
    try take(UInt8(ascii: "\""), "a string")
    let start = position
    var text: [UInt8] = []
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      let byte = bytes[position]
      if byte < 0x20 { throw problem("a control character in a string") }
      position += 1
      if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
    }
    guard position < bytes.count else { throw HeaderProblem(text: "a string does not end", position: start) }
    position += 1
    guard let string = String(validating: text, as: UTF8.self) else {
      throw HeaderProblem(text: "a string is no UTF-8", position: start)
    }
    return string
  }

  /// Nothing but blanks may follow.
  mutating func end() throws(HeaderProblem) {
    skipBlanks()
    if position < bytes.count { throw problem("expected nothing more") }
  }

  private mutating func integer() throws(HeaderProblem) -> Int {
    skipBlanks()
    let start = position
    var value = 0
    while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(digit))
      if overflow || carry { throw HeaderProblem(text: "an integer is too large", position: start) }
      value = sum
      position += 1
    }
    let hasLeadingZero = position - start > 1 && bytes[start] == UInt8(ascii: "0")
    if position == start || hasLeadingZero {
      position = start
      throw problem("expected an integer of at least 0")
    }
    return value
  }

  /// What follows a backslash.
  private mutating func escape(into text: inout [UInt8]) throws(HeaderProblem) {
    guard position < bytes.count else { throw problem("a string does not end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if code & 0xFC00 == 0xD800, bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) {
        // The first half of a pair that stands for a character beyond 16 bits.
        position += 2
        let low = try hexadecimal()
        guard low & 0xFC00 == 0xDC00 else { throw problem("half of a character in a string") }
        code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
      }
      guard let scalar = Unicode.Scalar(code) else { throw problem("half of a character in a string") }
      text += Array(String(scalar).utf8)
    default: throw problem("a backslash in a string is followed by no known letter")
    }
  }

  /// Four hexadecimal digits.
  private mutating func hexadecimal() throws(HeaderProblem) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
        bytes[position] < 0x80
      else { throw problem("expected four hexadecimal digits") }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }

  private mutating func take(_ byte: UInt8, _ what: String) throws(HeaderProblem) {
    guard takeIfNext(byte) else { throw problem("expected \(what)") }
  }

  private mutating func takeIfNext(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipBlanks() {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): position += 1
      default: return
      }
    }
  }

  private func problem(_ text: String) -> HeaderProblem { HeaderProblem(text: text, position: position) }
}
