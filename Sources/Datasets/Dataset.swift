/// Samples in memory: one row of features and one label each. Immutable; copies share their storage.
public struct Dataset: Sendable, Equatable {
  /// What each sample is labelled with.
  public enum Labels: Sendable, Equatable {
    /// A class per sample, as an index into `names`.
    case classes([Int32], names: [String])
    /// A number per sample, to be predicted (regression).
    case values([Float])

    public var count: Int {
      switch self {
      case .classes(let indices, _): indices.count
      case .values(let values): values.count
      }
    }
  }

  /// Row-major, `count` x `featureCount`.
  public let features: [Float]
  public let labels: Labels
  /// A name per feature, in the order of the columns of ``features``.
  public let featureNames: [String]
  public let labelName: String

  public var featureCount: Int { featureNames.count }
  /// Samples.
  public var count: Int { labels.count }

  /// - Precondition: there is at least one feature, `features` has `labels.count` x `featureNames.count` elements, and
  ///   each class is an index into the names.
  public init(features: [Float], labels: Labels, featureNames: [String], labelName: String) {
    precondition(!featureNames.isEmpty, "Dataset: expected at least one feature")
    precondition(
      features.count == labels.count * featureNames.count,
      "Dataset: \(labels.count) samples of \(featureNames.count) features are "
        + "\(labels.count * featureNames.count) elements, found \(features.count)")
    if case .classes(let indices, let names) = labels {
      precondition(
        indices.allSatisfy { 0 <= $0 && $0 < names.count },
        "Dataset: a class is not an index into the \(names.count) names of classes")
    }
    self.features = features
    self.labels = labels
    self.featureNames = featureNames
    self.labelName = labelName
  }

  /// The names of the classes; nil when labels are values.
  public var classNames: [String]? {
    if case .classes(_, let names) = labels { names } else { nil }
  }

  /// The samples at `indices`, in that order, as a data set of their own.
  public func subset(_ indices: [Int]) -> Dataset {
    let rows = [Float](unsafeUninitializedCapacity: indices.count * featureCount) { rows, initialized in
      indices.withUnsafeBufferPointer { indices in
        if let start = rows.baseAddress { gather(indices, into: start) }
      }
      initialized = indices.count * featureCount
    }
    let labels: Labels =
      switch labels {
      case .classes(let classes, let names): .classes(indices.map { classes[$0] }, names: names)
      case .values(let values): .values(indices.map { values[$0] })
      }
    return Dataset(features: rows, labels: labels, featureNames: featureNames, labelName: labelName)
  }
}
