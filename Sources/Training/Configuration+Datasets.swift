import Datasets

extension Configuration {
  /// Reads the data that ``data`` names, and checks that they fit the model and the batch.
  ///
  /// The result depends on the configuration and the files alone, so all ranks load the same.
  ///
  /// - Throws: `DatasetError` for a file that cannot be read, ``ConfigurationError`` for data that do not fit.
  public func loadData() throws -> DatasetSplit {
    var split = try loadSplit()
    let count = split.train.count
    if count < training.batch {
      throw ConfigurationError(
        "training.batch: a batch of \(training.batch) is larger than the training data, \(count) samples")
    }
    if model.kind == .linear, split.train.classNames != nil {
      throw ConfigurationError(
        "model.kind: a linear model predicts values, and the labels are classes; use logistic or mlp, or set "
          + "data.task to regression if they are numbers")
    }
    if model.kind == .logistic, split.train.classNames == nil {
      throw ConfigurationError(
        "model.kind: a logistic model predicts classes, and the labels are values; use linear or mlp, or set "
          + "data.task to classification")
    }
    try checkLoss(of: split.train)
    if data.standardize { split = split.standardized() }
    return split
  }

  /// Optimizer updates of the whole run on so many training samples; the last incomplete batch of an epoch is dropped.
  public func totalSteps(trainingSamples: Int) -> Int {
    training.steps ?? (training.epochs ?? 0) * (trainingSamples / training.batch)
  }

  private func loadSplit() throws -> DatasetSplit {
    guard let path = data.path else { return Digits.split() }
    switch data.format {
    case .csv:
      let file = CSVFile(path: path, label: data.label ?? "", task: data.task, categorical: data.categorical)
      if let testPath = data.testPath { return try file.load(testPath: testPath) }
      return try file.load().split(testFraction: data.testFraction, seed: seed)
    case .idx:
      return try IDXImages.load(folder: path)
    case .text:
      let file = TextFile(path: path, context: model.context)
      if let testPath = data.testPath { return try file.load(testPath: testPath) }
      return try file.load(testFraction: data.testFraction)
    case .sequences:
      let file = SequenceFile(
        path: path, alphabet: data.alphabet, label: data.label, length: data.length,
        truncates: data.truncate, task: data.task)
      if let testPath = data.testPath { return try file.load(testPath: testPath) }
      return try file.load().split(testFraction: data.testFraction, seed: seed)
    }
  }
}
