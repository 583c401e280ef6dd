/// What the codes of a feature stand for. Codes are 0..<``count``.
public enum Vocabulary: Sendable, Equatable {
  /// The bytes of a text, each its own code. In padded sequences 0 is padding.
  case bytes
  /// 0 padding, then A, C, G, T (or U), and N for every ambiguous base.
  case nucleotides
  /// The values of a column of a table. Code 0 is what is unknown or missing; `words[code - 1]` is what a code stands for, in the order
  /// of the words' bytes.
  case categories(column: String, words: [String])

  /// What a sequence's letters became; nil for categories.
  var alphabet: SequenceAlphabet? {
    switch self {
    case .bytes: .bytes
    case .nucleotides: .nucleotides
    case .categories: nil
    }
  }

  /// How many codes there are: the rows of a table of embeddings.
  public var count: Int {
    switch self {
    case .bytes: 256
    case .nucleotides: 6
    case .categories(_, let words): words.count + 1
    }
  }

  /// The name of the column, or what kind of thing a code is.
  public var name: String {
    switch self {
    case .bytes: "byte"
    case .nucleotides: "nucleotide"
    case .categories(let column, _): column
    }
  }
}
