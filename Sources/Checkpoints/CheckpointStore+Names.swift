extension CheckpointStore {
  /// What a hidden folder of a step is: a word in its name.
  enum Trace: String, CaseIterable {
    /// Being written, or left by a process that was killed while writing.
    case partial
    /// Being removed.
    case removed
    /// A checkpoint whose successor is about to get its name.
    case replaced
  }

  /// `RUN/checkpoints/step-00001000`
  public func path(_ step: Int) -> String { "\(directory)/\(Self.name(step))" }

  /// Where a step is written before it is committed, known to all ranks: `RUN/checkpoints/.step-00001000.partial`
  public func partialPath(_ step: Int) -> String { hidden(step, .partial) }

  func hidden(_ step: Int, _ trace: Trace) -> String { "\(directory)/.\(Self.name(step)).\(trace.rawValue)" }

  static func name(_ step: Int) -> String { "step-\(CheckpointFile.padded(step, to: 8))" }

  /// The step of a folder's name; nil when it is none.
  static func step(of name: some StringProtocol) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0, Self.name(step) == name
    else { return nil }
    return step
  }

  /// Steps that have a folder, ascending.
  ///
  /// - Parameter trace: which hidden ones; nil for those under their names.
  func steps(_ trace: Trace?) throws(CheckpointError) -> [Int] {
    let (prefix, suffix) = trace.map { (".", ".\($0.rawValue)") } ?? ("", "")
    var steps: [Int] = []
    for name in try FileSystem.names(in: directory) ?? []
    where name.hasPrefix(prefix) && name.hasSuffix(suffix) && name.count > prefix.count + suffix.count {
      guard let step = Self.step(of: name.dropFirst(prefix.count).dropLast(suffix.count)),
        FileSystem.isFolder("\(directory)/\(name)")
      else { continue }
      steps.append(step)
    }
    return steps.sorted()
  }
}
