/// A column of categories as it is read. The codes handed out count words in the order in which they appear; ``vocabulary`` and
/// ``sortedCodes`` bring them into the order of the words, which does not depend on the order of rows.
struct CategoryColumn {
  /// More different words than this are taken for a mistake: a column of names or of row numbers.
  static let mostWords = 1_000_000

  let name: String
  private let path: String
  private var codes: [String: Int32] = [:]
  private var words: [String] = []
  /// Whether words that are not known yet are learned; else they are code 0.
  private let isLearning: Bool

  /// - Parameter model: the vocabulary to keep to, of a column read before; nil to learn one.
  init(name: String, path: String, matching model: Vocabulary?) {
    self.name = name
    self.path = path
    isLearning = model == nil
    guard case .categories(_, let words) = model else { return }
    self.words = words
    codes = Dictionary(uniqueKeysWithValues: zip(words, 1...Int32(words.count + 1)))
  }

  /// The code of a cell; 0 for a cell with nothing but blanks.
  mutating func code(of cell: CSVRecords.Cell, line: Int) throws(DatasetError) -> Int32 {
    let word = try Word.read(cell, path: path, line: line, column: name)
    if word.isEmpty { return 0 }
    if let code = codes[word] { return code }
    guard isLearning else { return 0 }
    if words.count == Self.mostWords {
      throw DatasetError(
        "more than \(Self.mostWords) different categories; is this a column of names or row numbers?",
        path: path,
        line: line, column: name)
    }
    words.append(Word.normal(word))
    codes[word] = Int32(words.count)
    return Int32(words.count)
  }

  private var order: [Int] {
    isLearning
      ? words.indices.sorted { words[$0].utf8.lexicographicallyPrecedes(words[$1].utf8) }
      : Array(words.indices)
  }

  var vocabulary: Vocabulary { .categories(column: name, words: order.map { words[$0] }) }

  /// For each code handed out, the code in ``vocabulary``.
  var sortedCodes: [Int32] {
    var sorted = [Int32](repeating: 0, count: words.count + 1)
    for (code, word) in zip(Int32(1)..., order) { sorted[word + 1] = code }
    return sorted
  }
}
