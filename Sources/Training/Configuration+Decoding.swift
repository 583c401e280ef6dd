import Foundation

extension Configuration {
  /// Reads a YAML file.
  ///
  /// - Parameters:
  ///   - path: the file; its name without extension is the default of ``name``.
  ///   - overrides: `KEY=VALUE` each, with a dotted key and a value in YAML: `model.hidden=[64, 32]`. A later one wins. An
  ///     override of `training.epochs` takes the place of `training.steps` in the file and the other way round, as do those
  ///     of `data.source` and `data.path`; an override of a whole section replaces the section.
  /// - Throws: ``ConfigurationError`` for a file that cannot be read, an unknown key, a value of the wrong type or out of
  ///   range, and whatever ``validate()`` refuses.
  public init(contentsOf path: String, overrides: [String] = []) throws(ConfigurationError) {
    let bytes: Foundation.Data
    do {
      bytes = try Foundation.Data(contentsOf: URL(filePath: path))
    } catch {
      let isMissing = (error as? CocoaError)?.code == .fileReadNoSuchFile
      let problem =
        isMissing ? "there is no such file" : "the file cannot be read: \(error.localizedDescription)"
      throw ConfigurationError(problem, at: path)
    }
    guard let yaml = String(data: bytes, encoding: .utf8) else {
      throw ConfigurationError("the file is not text in UTF-8", at: path)
    }
    try self.init(yaml: yaml, file: path, overrides: overrides)
  }

  /// Reads YAML text.
  ///
  /// - Parameter file: the name that messages show, and whose stem is the default of ``name``.
  public init(yaml: String, file: String = "config.yaml", overrides: [String] = []) throws(ConfigurationError)
  {
    var reader = ConfigurationReader()
    try reader.read(yaml: yaml, file: file)
    for override in overrides { try reader.read(override: override) }
    try self.init(reader, stem: URL(filePath: file).deletingPathExtension().lastPathComponent, file: file)
  }

  /// This configuration with overrides as for ``init(contentsOf:overrides:)``. Where the batch or the kind of optimizer is
  /// overridden, the microbatch, learning rate, momentum and weight decay are their defaults anew unless they are overridden too.
  public func applying(overrides: [String]) throws(ConfigurationError) -> Configuration {
    var reader = ConfigurationReader()
    try reader.read(yaml: resolvedYAML, file: name)
    let before = reader.given.mapValues(\.place)
    for override in overrides { try reader.read(override: override) }
    let overridden = { [given = reader.given] (key: String) in given[key]?.place != before[key] ?? nil }
    let derived = [
      ("training.batch", "training.microbatch"),
      ("training.optimizer.kind", "training.optimizer.learning_rate"),
      ("training.optimizer.kind", "training.optimizer.weight_decay"),
      ("training.optimizer.kind", "training.optimizer.momentum"),
      ("training.optimizer.kind", "training.optimizer.nesterov"),
    ]
    for (source, result) in derived where overridden(source) && !overridden(result) { reader.forget(result) }
    return try Configuration(reader, stem: name, file: name)
  }

  private init(_ reader: ConfigurationReader, stem: String, file: String) throws(ConfigurationError) {
    self.init()
    try reader.assign(to: &self)
    let isGiven = { (key: String) in reader.given[key] != nil }
    if !isGiven("name"), !stem.isEmpty { name = stem }
    if !isGiven("training.microbatch") {
      training.microbatch = Training.defaultMicrobatch(batch: training.batch)
    }
    let kind = training.optimizer.kind
    if !isGiven("training.optimizer.learning_rate") {
      training.optimizer.learningRate = Optimizer.defaultLearningRate(kind)
    }
    if !isGiven("training.optimizer.weight_decay") {
      training.optimizer.weightDecay = Optimizer.defaultWeightDecay(kind)
    }
    if let fault = firstFault {
      throw ConfigurationError("\(fault.key): \(fault.problem)", at: reader.given[fault.key]?.place ?? file)
    }
  }
}
