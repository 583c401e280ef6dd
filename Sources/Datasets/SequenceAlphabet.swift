/// How the letters of a sequence become codes. Code 0 is padding.
public enum SequenceAlphabet: String, Sendable, CaseIterable {
  /// A, C, G, T or U in upper or lower case are 1 to 4, and every letter for several of them (IUPAC: N, R, Y, ...) is 5.
  case nucleotides
  /// Each byte is its own code; there is no byte 0.
  case bytes

  public var vocabulary: Vocabulary {
    switch self {
    case .nucleotides: .nucleotides
    case .bytes: .bytes
    }
  }

  /// Per byte its code; 0 for a byte that is no letter.
  var codes: [UInt8] {
    switch self {
    case .bytes: return Array(0...255)
    case .nucleotides:
      var codes = [UInt8](repeating: 0, count: 256)
      for (letters, code) in [("A", 1), ("C", 2), ("G", 3), ("TU", 4), ("NRYSWKMBDHV", 5)]
        as [(String, UInt8)]
      {
        for letter in letters.utf8 {
          codes[Int(letter)] = code
          codes[Int(letter | 0x20)] = code
        }
      }
      return codes
    }
  }

  /// The end of a message about a byte that is no letter.
  var expected: String {
    switch self {
    case .nucleotides: "expected a nucleotide (A, C, G, T, U, or a letter for several of them, such as N)"
    case .bytes: "expected any byte but 0, which is padding"
    }
  }
}
