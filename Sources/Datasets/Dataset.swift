/// Samples in memory: features and a label each. Immutable; copies share their storage.
///
/// Features are numbers (a table's columns, pixels), codes (tokens, letters, categories), or both.
public struct Dataset: Sendable, Equatable {
  /// What each sample is labelled with.
  public enum Labels: Sendable, Equatable {
    /// A class per sample, as an index into `names`.
    case classes([Int32], names: [String])
    /// A number per sample, to be predicted (regression).
    case values([Float])
    /// At each position of a sample of text, the token that follows. They are not stored: the text has them.
    case nextTokens(count: Int)

    /// Samples.
    public var count: Int {
      switch self {
      case .classes(let indices, _): indices.count
      case .values(let values): values.count
      case .nextTokens(let count): count
      }
    }
  }

  /// Features of float32; nil where there are none.
  public let numbers: NumberRows?
  /// Features of int32; nil where there are none.
  public let codes: CodeRows?
  public let labels: Labels
  public let labelName: String

  /// - Precondition: there are numbers, codes or both, of as many samples as there are labels; each class is an index into the
  ///   names; labels are next tokens only where the codes are windows of a text.
  public init(numbers: NumberRows? = nil, codes: CodeRows? = nil, labels: Labels, labelName: String) {
    precondition(numbers != nil || codes != nil, "Dataset: expected features, numbers or codes")
    for count in [numbers?.count, codes?.count] {
      precondition(
        count == nil || count == labels.count,
        "Dataset: expected features of \(labels.count) samples as there are labels, found \(count ?? 0)")
    }
    switch labels {
    case .classes(let indices, let names):
      precondition(
        indices.allSatisfy { 0 <= $0 && $0 < names.count },
        "Dataset: a class is not an index into the \(names.count) names of classes")
    case .nextTokens:
      precondition(
        codes?.hasNextTokens == true, "Dataset: only windows of a text have next tokens as labels")
    case .values: break
    }
    self.numbers = numbers
    self.codes = codes
    self.labels = labels
    self.labelName = labelName
  }

  /// A table of numbers.
  ///
  /// - Parameter features: row-major, `labels.count` x `featureNames.count`; at least one feature.
  public init(features: [Float], labels: Labels, featureNames: [String], labelName: String) {
    precondition(!featureNames.isEmpty, "Dataset: expected at least one feature")
    self.init(
      numbers: NumberRows(features, shape: [featureNames.count], names: featureNames), labels: labels,
      labelName: labelName)
  }

  /// Samples.
  public var count: Int { labels.count }

  /// The shape of one sample: of its numbers, or of its codes where it has no numbers.
  public var sampleShape: [Int] { numbers?.shape ?? codes?.shape ?? [] }

  /// The numbers, row-major, `count` x ``featureCount``. Those of images are made for this call.
  public var features: [Float] { numbers?.elements ?? [] }

  /// A name per number, in the order of the columns of ``features``; none for pixels.
  public var featureNames: [String] { numbers?.names ?? [] }

  /// Numbers of a sample.
  public var featureCount: Int { numbers?.width ?? 0 }

  /// The names of the classes; nil when labels are something else.
  public var classNames: [String]? {
    if case .classes(_, let names) = labels { names } else { nil }
  }

  /// The samples at `indices`, in that order, as a data set of their own.
  public func subset(_ indices: [Int]) -> Dataset {
    let labels: Labels =
      switch labels {
      case .classes(let classes, let names): .classes(indices.map { classes[$0] }, names: names)
      case .values(let values): .values(indices.map { values[$0] })
      case .nextTokens: .nextTokens(count: indices.count)
      }
    return Dataset(
      numbers: numbers?.subset(indices), codes: codes?.subset(indices), labels: labels, labelName: labelName)
  }
}

extension Dataset {
  /// Bytes of the features and labels in memory.
  public var byteCount: Int {
    let labelBytes = if case .nextTokens = labels { 0 } else { 4 * count }
    return (numbers?.byteCount ?? 0) + (codes?.byteCount ?? 0) + labelBytes
  }
}
