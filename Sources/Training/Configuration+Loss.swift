import Datasets

extension Configuration {
  /// What training makes small; see `NeuralNetwork.Loss`.
  public struct Loss: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      /// Cross-entropy for classes and next tokens, squared error for values.
      case auto
      case crossEntropy = "cross-entropy"
      case focal
      case binaryCrossEntropy = "binary-cross-entropy"
      case squaredError = "squared-error"
      case absoluteError = "absolute-error"
      case huber
    }

    /// How much a sample counts, by its class.
    public enum ClassWeights: Sendable, Equatable {
      /// samples / (classes · samples of the class), over the training part: all classes count alike, and a sample 1 on average.
      case balanced
      /// In the order of the classes: numbers by size, words by their letters.
      case each([Double])
    }

    public var kind: Kind
    /// The share of a target that cross-entropy spreads over all classes, in 0..<1.
    public var labelSmoothing: Double
    /// For cross-entropy; nil: all alike.
    public var classWeights: ClassWeights?
    /// For ``Kind/focal``, as the next one: how little counts what is classified well already.
    public var gamma: Double
    /// The weight of the second of two classes, or of a sample's own class among more; in 0...1. All others have 1 - alpha.
    public var alpha: Double
    /// For ``Kind/huber``: the error from which on the loss grows linearly.
    public var delta: Double

    public init(
      kind: Kind = .auto, labelSmoothing: Double = 0, classWeights: ClassWeights? = nil, gamma: Double = 2,
      alpha: Double = 0.25, delta: Double = 1
    ) {
      self.kind = kind
      self.labelSmoothing = labelSmoothing
      self.classWeights = classWeights
      self.gamma = gamma
      self.alpha = alpha
      self.delta = delta
    }
  }

  /// Checks that ``Training/loss`` fits the labels.
  func checkLoss(of data: Dataset) throws(ConfigurationError) {
    let loss = training.loss
    let forClasses: [Loss.Kind] = [.crossEntropy, .focal, .binaryCrossEntropy]
    let forValues: [Loss.Kind] = [.squaredError, .absoluteError, .huber]
    switch data.labels {
    case .classes(let classes, let names):
      try check(forClasses, "classes")
      if case .each(let weights) = loss.classWeights, weights.count != names.count {
        throw ConfigurationError(
          "training.loss.class_weights: expected \(names.count) numbers, one for each of "
            + "\(names.prefix(4).joined(separator: ", "))\(names.count > 4 ? ", ..." : ""), found \(weights.count)"
        )
      }
      let present = Set(classes)
      if loss.classWeights == .balanced,
        let absent = names.indices.first(where: { !present.contains(Int32($0)) })
      {
        throw ConfigurationError(
          "training.loss.class_weights: no training sample is of the class \(Quotation.of(names[absent])), so "
            + "classes cannot be balanced; give the weights as a list")
      }
    case .values:
      try check(forValues, "values")
      if loss.labelSmoothing > 0 { throw misplaced("label_smoothing", "values") }
      if loss.classWeights != nil { throw misplaced("class_weights", "values") }
    case .nextTokens:
      try check([.crossEntropy], "next tokens")
      if loss.classWeights != nil { throw misplaced("class_weights", "next tokens") }
    }

    func check(_ kinds: [Loss.Kind], _ labels: String) throws(ConfigurationError) {
      if loss.kind == .auto || kinds.contains(loss.kind) { return }
      throw ConfigurationError(
        "training.loss.kind: \(loss.kind.rawValue) is not for labels that are \(labels); use "
          + kinds.map(\.rawValue).joined(separator: " or "))
    }
    func misplaced(_ key: String, _ labels: String) -> ConfigurationError {
      ConfigurationError("training.loss.\(key): it is for classes, and the labels are \(labels); remove it")
    }
  }
}
