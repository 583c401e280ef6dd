/// What a model knows of its data beside its weights: columns and words, the names of classes, means and deviations. Whatever it is to be
/// measured on, or to predict from, has to be read by these.
public struct Preprocessing: Codable, Sendable, Equatable {
  public struct Numbers: Codable, Sendable, Equatable {
    /// Of one sample.
    public var shape: [Int]
    /// A name for each number, or none at all.
    public var names: [String]
  }

  public struct Codes: Codable, Sendable, Equatable {
    /// Of one sample.
    public var shape: [Int]
    /// One for each column of a table, one in all for a text or sequences.
    public var vocabularies: [Vocabulary]
  }

  public struct Label: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable {
      case classes, values
      case nextTokens = "next_tokens"
    }

    public var name: String
    public var kind: Kind
    /// The names of the classes, in the order of the network's outputs.
    public var classes: [String]?
  }

  public var numbers: Numbers?
  public var codes: Codes?
  public var label: Label
  /// What is done to the numbers; nil for nothing.
  public var standardization: Standardization?

  /// What was learned on the training part.
  public init(of data: DatasetSplit) {
    let train = data.train
    numbers = train.numbers.map { Numbers(shape: $0.shape, names: $0.names) }
    codes = train.codes.map { Codes(shape: $0.shape, vocabularies: $0.vocabularies) }
    switch train.labels {
    case .classes(_, let names): label = Label(name: train.labelName, kind: .classes, classes: names)
    case .values: label = Label(name: train.labelName, kind: .values)
    case .nextTokens: label = Label(name: train.labelName, kind: .nextTokens)
    }
    standardization = data.standardization
  }

  /// A data set without samples that has these columns, words and classes: what a network is made for, and other files are matched with.
  public var template: Dataset {
    let labels: Dataset.Labels =
      switch label.kind {
      case .classes: .classes([], names: label.classes ?? [])
      case .values: .values([])
      case .nextTokens: .nextTokens(count: 0)
      }
    let codeRows = codes.map { codes in
      label.kind == .nextTokens
        ? CodeRows(text: [], context: codes.shape.first ?? 1)
        : CodeRows(.rows([]), shape: codes.shape, vocabularies: codes.vocabularies)
    }
    return Dataset(
      numbers: numbers.map { NumberRows([], shape: $0.shape, names: $0.names) }, codes: codeRows,
      labels: labels, labelName: label.name)
  }

  /// What is wrong with it as it was read from a file; nil if it could have been made by `init(of:)`.
  public var fault: String? {
    if numbers == nil && codes == nil { return "it names no features" }
    let width = numbers.map { Self.count($0.shape) } ?? 0
    guard let width else { return "the shape of the numbers is \(numbers?.shape ?? [])" }
    if let names = numbers?.names, !names.isEmpty, names.count != width {
      return "there are \(names.count) names for \(width) numbers"
    }
    if let codes {
      guard let positions = Self.count(codes.shape) else { return "the shape of the codes is \(codes.shape)" }
      guard [1, positions].contains(codes.vocabularies.count) else {
        return "there are \(codes.vocabularies.count) vocabularies for \(positions) codes"
      }
    }
    if label.kind == .nextTokens, codes?.vocabularies != [.bytes] { return "next tokens have no text" }
    if label.kind == .classes, (label.classes ?? []).count < 2 { return "there are less than two classes" }
    for case .categories(let column, let words) in codes?.vocabularies ?? [] {
      if let twice = Self.repeated(words) { return "\(column) has the category \(Quotation.of(twice)) twice" }
    }
    if let twice = Self.repeated(label.classes ?? []) {
      return "the class \(Quotation.of(twice)) is there twice"
    }
    if let standardization {
      let (means, scales) = (standardization.means.count, standardization.scales.count)
      guard means == width, scales == width else {
        return "there are \(means) means and \(scales) scales for \(width) numbers"
      }
    }
    return nil
  }

  private static func repeated(_ names: [String]) -> String? {
    var seen: Set<String> = []
    return names.first { !seen.insert($0).inserted }
  }

  /// Elements of a shape; nil for one that nothing has.
  private static func count(_ shape: [Int]) -> Int? {
    var count = shape.isEmpty ? 0 : 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 1, !overflow else { return nil }
      count = product
    }
    return count == 0 ? nil : count
  }
}
