/// Turns what comes in after training into features, by what was learned in training.
struct FeatureEncoder: Sendable {
  /// What a column, or a key of an object, is.
  enum Feature: Sendable, Equatable {
    case number(Int)
    case category(Int)
    /// Letters of a sequence.
    case sequence
    /// All numbers at once.
    case numbers
  }

  /// The key of an object that holds all numbers, and the column or key of a sequence.
  static let numbersName = "features"
  static let sequenceName = "sequence"

  /// The features by their names; without names there are none but the numbers as a whole.
  let names: [(name: String, feature: Feature)]
  /// Whether an object may hold all numbers under one key, instead of each under its name.
  let takesNumbers: Bool
  let width: Int
  /// Of the codes: positions of a sequence, columns of categories.
  let length: Int

  private let standardization: Standardization?
  /// For each column of categories, the codes of its words.
  private let words: [[String: Int32]]
  private let alphabet: SequenceAlphabet?
  private let letters: [UInt8]
  private let truncates: Bool

  /// - Parameters:
  ///   - preprocessing: without a fault.
  ///   - truncates: whether what is beyond the length of sequences is cut off; else it is an error.
  init(_ preprocessing: Preprocessing, truncates: Bool) {
    let vocabularies = preprocessing.codes?.vocabularies ?? []
    width = preprocessing.numbers?.shape.reduce(1, *) ?? 0
    length = preprocessing.codes?.shape.reduce(1, *) ?? 0
    standardization = preprocessing.standardization
    alphabet = vocabularies.first?.alphabet
    letters = alphabet?.codes ?? []
    self.truncates = truncates
    words = vocabularies.map { vocabulary in
      guard case .categories(_, let words) = vocabulary else { return [:] }
      return Dictionary(zip(words, 1...Int32(words.count + 1))) { first, _ in first }
    }
    let numbers = preprocessing.numbers?.names ?? []
    names =
      numbers.enumerated().map { ($1, .number($0)) }
      + (alphabet != nil
        ? [(Self.sequenceName, .sequence)] : vocabularies.enumerated().map { ($1.name, .category($0)) })
    takesNumbers = width > 0 && length == 0 && !numbers.contains(Self.numbersName)
  }

  /// Makes room for a sample.
  func begin(_ sample: inout SampleFeatures) {
    if sample.numbers.count != width { sample.numbers = Array(repeating: 0, count: width) }
    if sample.codes.count != length { sample.codes = Array(repeating: 0, count: length) }
    sample.length = Int32(length)
  }

  /// The code of a word; 0 for one that training has not seen.
  func code(of word: String, column: Int) -> Int32 { words[column][word] ?? 0 }

  /// Codes the letters of a sequence and pads them.
  ///
  /// - Returns: what is wrong with it, if anything.
  func encode(sequence: some Collection<UInt8>, into sample: inout SampleFeatures) -> String? {
    guard let alphabet, !sequence.isEmpty else { return "the sequence is empty" }
    if sequence.count > length, !truncates {
      return "the sequence has \(sequence.count) letters, and the model takes \(length)"
    }
    var position = 0
    for byte in sequence.prefix(length) {
      let code = letters[Int(byte)]
      if code == 0 {
        let found = Quotation.of(String(decoding: CollectionOfOne(byte), as: UTF8.self))
        return "letter \(position + 1) of the sequence is \(found), \(alphabet.expected)"
      }
      sample.codes[position] = Int32(code)
      position += 1
    }
    sample.length = Int32(position)
    for rest in position..<length { sample.codes[rest] = 0 }
    return nil
  }

  /// Standardizes the numbers, once all are set.
  func end(_ sample: inout SampleFeatures) {
    guard let standardization else { return }
    sample.numbers.withUnsafeMutableBufferPointer { numbers in
      if let start = numbers.baseAddress { standardization.apply(to: start) }
    }
  }
}
