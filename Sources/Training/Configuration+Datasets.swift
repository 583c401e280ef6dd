import Datasets

extension Configuration {
  /// Reads the data that ``data`` names, and checks that they fit the model and the batch.
  ///
  /// The result depends on the configuration and the files alone, so all ranks load the same.
  ///
  /// - Throws: `DatasetError` for a file that cannot be read, ``ConfigurationError`` for data that do not fit.
  public func loadData() throws -> DatasetSplit {
    var split = try loadSplit()
    try checkBatch(of: split)
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

  /// Names what leaves less than a batch to train on: the part that is held out, or the data themselves.
  private func checkBatch(of split: DatasetSplit) throws(ConfigurationError) {
    let (count, batch) = (split.train.count, training.batch)
    guard count < batch else { return }
    let isCut = data.path != nil && data.format != .idx && data.testPath == nil
    if isCut, count + split.test.count >= batch {
      throw ConfigurationError(
        "data.test_fraction: \(data.testFraction) holds out \(split.test.count) of \(count + split.test.count) samples, which leaves \(count) "
          + "for training, and a batch takes \(batch) (training.batch); hold out fewer"
          + (count > 0 ? ", or set training.batch to at most \(count)" : ""))
    }
    throw ConfigurationError(
      "training.batch: a batch takes \(batch) samples, and there are \(count) for training"
        + (isCut && split.test.count > 0 ? ", \(split.test.count) are held out (data.test_fraction)" : "")
        + (count > 0 ? "; set it to at most \(count)" : "; data.path: \(data.path ?? "") has no samples"))
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
