import Testing

@testable import MPI

/// What is printed may come from a file of any bytes.
@Suite struct TerminalTextTests {
  @Test func whatATerminalWouldObeyIsEscaped() {
    #expect(TerminalText.message("a\u{1B}[31mb\r\u{0}\u{7F}") == #"a\u{1B}[31mb\u{D}\u{0}\u{7F}"#)
    #expect(TerminalText.message("\u{9B}31m\u{85}") == #"\u{9B}31m\u{85}"#)
    #expect(TerminalText.message("a\u{202E}b\u{2066}c\u{2028}") == #"a\u{202E}b\u{2066}c\u{2028}"#)
    for value in UInt32(0)...0x2FF {
      guard let scalar = Unicode.Scalar(value), scalar != "\n", scalar != "\t" else { continue }
      let isControl = value < 0x20 || (0x7F..<0xA0).contains(value)
      #expect((TerminalText.message(String(scalar)) != String(scalar)) == isControl, "\(value)")
    }
  }

  @Test(arguments: ["", "rank 3: a\tb\nc", "größer als µ 東京 👩‍👩‍👧 e\u{301}", "می\u{200C}خواهم", "\"\\u{1B}\""])
  func textStaysAsItIs(text: String) { #expect(TerminalText.message(text) == text) }

  @Test func ofALongTextBothEndsAreShown() {
    let text = "config.yaml:3: " + String(repeating: "x\u{301}", count: 100_000) + "; remove it"
    let line = TerminalText.message(text)
    #expect(line.hasPrefix("config.yaml:3: ") && line.hasSuffix("; remove it"))
    #expect(line.contains(" ...") && line.unicodeScalars.count <= TerminalText.longest + 5)
    #expect(TerminalText.escaped(text) == text)
    let longest = String(repeating: "y", count: TerminalText.longest)
    #expect(TerminalText.message(longest) == longest)
  }
}
