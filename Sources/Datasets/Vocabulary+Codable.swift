// `{"kind": "bytes"}`, `{"kind": "nucleotides"}` or `{"kind": "categories", "column": NAME, "words": [WORD, ...]}`.
extension Vocabulary: Codable {
  private enum CodingKeys: String, CodingKey {
    case kind, column, words
  }

  private enum Kind: String, Codable {
    case bytes, nucleotides, categories
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    switch try values.decode(Kind.self, forKey: .kind) {
    case .bytes: self = .bytes
    case .nucleotides: self = .nucleotides
    case .categories:
      self = .categories(
        column: try values.decode(String.self, forKey: .column),
        words: try values.decode([String].self, forKey: .words))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .bytes: try values.encode(Kind.bytes, forKey: .kind)
    case .nucleotides: try values.encode(Kind.nucleotides, forKey: .kind)
    case .categories(let column, let words):
      try values.encode(Kind.categories, forKey: .kind)
      try values.encode(column, forKey: .column)
      try values.encode(words, forKey: .words)
    }
  }
}
