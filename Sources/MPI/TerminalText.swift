/// Text from anywhere, such as a file that is not what it was taken for, made fit for a person's terminal.
package enum TerminalText {
  /// Characters that a message shows at most.
  static let longest = 2_000

  /// `text` with what a terminal would obey escaped as in Swift's string literals: control characters, and those that change the direction of
  /// writing. Line breaks and tabs stay.
  package static func escaped(_ text: String) -> String { escaped(text.unicodeScalars) }

  /// As `escaped`, on one line: line breaks and tabs are escaped too.
  package static func oneLine(_ text: String) -> String {
    escaped(text).replacing("\n", with: "\\n").replacing("\t", with: "\\t")
  }

  /// As `escaped`; of what is longer than a screen the middle is left out.
  package static func message(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard scalars.count > longest else { return escaped(scalars) }
    return "\(escaped(scalars.prefix(longest * 2 / 3))) ... \(escaped(scalars.suffix(longest / 3)))"
  }

  private static func escaped(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var text = ""
    for scalar in scalars {
      if isObeyed(scalar) {
        text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: scalar != "\n" && scalar != "\t"
    case .lineSeparator, .paragraphSeparator: true
    default: scalar.properties.isBidiControl
    }
  }
}
