import Foundation

/// The digits of a number in a line of JSON as they stand there, which a decoder does not tell: 1, 1.0 and 1.00 are three words of a table.
struct JSONNumberText {
  private let line: [UInt8]
  private var at = 0

  /// - Parameters:
  ///   - key: of the object that the line is.
  ///   - line: which a decoder has read without a fault.
  /// - Returns: nil where the key's value is no number.
  static func of(_ key: String, in line: [UInt8]) -> String? {
    var text = JSONNumberText(line: line)
    return text.number(at: key)
  }

  private init(line: [UInt8]) { self.line = line }

  private mutating func number(at key: String) -> String? {
    // Decoders skip a byte order mark.
    if line.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    skipBlanks()
    at += 1
    while true {
      skipBlanks()
      guard at < line.count, line[at] == UInt8(ascii: "\"") else { return nil }
      let name = string()
      skipBlanks()
      at += 1
      skipBlanks()
      let start = at
      skipValue()
      if name == key {
        let isNumber = start < at && (line[start] == UInt8(ascii: "-") || Self.isDigit(line[start]))
        return isNumber ? String(decoding: line[start..<at], as: UTF8.self) : nil
      }
      skipBlanks()
      guard at < line.count, line[at] == UInt8(ascii: ",") else { return nil }
      at += 1
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private mutating func skipBlanks() {
    while at < line.count, [0x20, 0x09, 0x0D, 0x0A].contains(line[at]) { at += 1 }
  }

  /// The string that begins here.
  private mutating func string() -> String? {
    let start = at
    skipString()
    return try? JSONDecoder().decode(String.self, from: Data(line[start..<at]))
  }

  private mutating func skipString() {
    at += 1
    while at < line.count, line[at] != UInt8(ascii: "\"") { at += line[at] == UInt8(ascii: "\\") ? 2 : 1 }
    at = min(at + 1, line.count)
  }

  /// Goes to what ends the value that begins here: a comma, a bracket or a blank.
  private mutating func skipValue() {
    var depth = 0
    while at < line.count {
      switch line[at] {
      case UInt8(ascii: "\""):
        skipString()
        if depth == 0 { return }
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return }
        depth -= 1
        if depth == 0 {
          at += 1
          return
        }
      case UInt8(ascii: ","), 0x20, 0x09, 0x0D, 0x0A:
        if depth == 0 { return }
      default: break
      }
      at += 1
    }
  }
}
