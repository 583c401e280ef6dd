import Kernels

/// What a model is trained on and what it is measured on, with the same columns and the same classes.
public struct DatasetSplit: Sendable, Equatable {
  public let train: Dataset
  public let test: Dataset
  /// What was done to the features of both parts; nil for nothing.
  public let standardization: Standardization?

  /// - Precondition: both parts have the same features (shape, names, vocabularies) and, for classes, the same names of classes.
  public init(train: Dataset, test: Dataset) {
    self.init(train: train, test: test, standardization: nil)
  }

  private init(train: Dataset, test: Dataset, standardization: Standardization?) {
    precondition(
      train.featureNames == test.featureNames && train.numbers?.shape == test.numbers?.shape
        && train.codes?.shape == test.codes?.shape
        && train.codes?.vocabularies == test.codes?.vocabularies,
      "DatasetSplit: the two parts have different features")
    precondition(
      train.classNames == test.classNames, "DatasetSplit: the two parts have different classes")
    self.train = train
    self.test = test
    self.standardization = standardization
  }

  /// Both parts with numbers of mean 0 and deviation 1 over the training part.
  public func standardized() -> DatasetSplit {
    let standardization = Standardization(of: train)
    return DatasetSplit(
      train: standardization.applied(to: train), test: standardization.applied(to: test),
      standardization: standardization)
  }
}

extension Dataset {
  /// Holds out about `testFraction` of the samples. Whether a sample is held out depends on (seed, its index) alone: the
  /// split is the same on every machine, and rows added at the end of a file move no other row to the other part.
  ///
  /// - Parameter testFraction: in 0..<1.
  public func split(testFraction: Double, seed: UInt64) -> DatasetSplit {
    precondition((0..<1).contains(testFraction), "Dataset.split: expected a fraction in 0..<1")
    let philox = Philox(key: seed)
    let threshold = UInt64(testFraction * 0x1p32)
    return split { UInt64(philox.block(at: $0, for: .split).x) < threshold }
  }

  /// Holds out the samples for whose index `isTest` is true; both parts keep the order.
  ///
  /// Categories of a table are learned on the training part: a word that is only in the test part becomes code 0, unknown.
  public func split(where isTest: (Int) -> Bool) -> DatasetSplit {
    var train: [Int] = []
    var test: [Int] = []
    for sample in 0..<count {
      if isTest(sample) { test.append(sample) } else { train.append(sample) }
    }
    let parts = (train: subset(train), test: subset(test))
    guard let (vocabularies, newCodes) = parts.train.codes?.learned() else {
      return DatasetSplit(train: parts.train, test: parts.test)
    }
    return DatasetSplit(
      train: parts.train.recoded(vocabularies, newCodes), test: parts.test.recoded(vocabularies, newCodes))
  }

  private func recoded(_ vocabularies: [Vocabulary], _ newCodes: [[Int32]]) -> Dataset {
    Dataset(
      numbers: numbers, codes: codes?.recoded(vocabularies, newCodes), labels: labels, labelName: labelName)
  }
}
