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
      bytes = try Self.bytes(of: path)
    } catch {
      let isMissing = (error as? CocoaError)?.code == .fileReadNoSuchFile
      let problem =
        isMissing ? "there is no such file" : "the file cannot be read: \(RunDirectory.reason(error))"
      throw ConfigurationError(problem, at: path)
    }
    guard let yaml = String(data: bytes, encoding: .utf8) else {
      throw ConfigurationError("the file is not text in UTF-8", at: path)
    }
    try self.init(yaml: yaml, file: path, overrides: overrides)
  }

  /// Also of a pipe, as a shell makes one of `<(sed ... digits.yaml)`.
  private static func bytes(of path: String) throws -> Foundation.Data {
    var status = stat()
    let isPipe = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    let file = URL(filePath: path)
    return try isPipe
      ? FileHandle(forReadingFrom: file).readToEnd() ?? Foundation.Data() : Foundation.Data(contentsOf: file)
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

  /// This configuration with overrides as for ``init(contentsOf:overrides:)``. Where the batch, or the kind of optimizer, schedule or loss
  /// is overridden, the microbatch, or what depends on that kind, has its default anew unless it is overridden too.
  public func applying(overrides: [String]) throws(ConfigurationError) -> Configuration {
    var reader = ConfigurationReader()
    try reader.read(yaml: resolvedYAML, file: name)
    let before = reader.given.mapValues(\.place)
    for override in overrides { try reader.read(override: override) }
    let overridden = { [given = reader.given] (key: String) in given[key]?.place != before[key] ?? nil }
    if overridden("training.batch"), !overridden("training.microbatch") {
      reader.forget("training.microbatch")
    }
    let usual = Optimizer.keysWithUsualValues.map { ($0.key, "training.optimizer.kind") }
    let conditional = Self.keys.compactMap { key in key.decidedBy.map { (key.name, $0) } }
    for (key, decidedBy) in usual + conditional
    where decidedBy.hasPrefix("training.") && overridden(decidedBy) && !overridden(key) { reader.forget(key) }
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
    let usual = Optimizer(kind: training.optimizer.kind)
    for (key, path) in Optimizer.keysWithUsualValues where !isGiven(key) {
      training.optimizer[keyPath: path] = usual[keyPath: path]
    }
    if let fault = firstFault {
      throw ConfigurationError("\(fault.key): \(fault.problem)", at: reader.given[fault.key]?.place ?? file)
    }
  }
}
