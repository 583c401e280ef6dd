import Foundation

/// A checkpoint that is there, whole.
public struct StoredCheckpoint: Sendable {
  public var step: Int { manifest.step }
  /// Its folder.
  public let path: String
  public let manifest: CheckpointManifest

  /// Opens the folder of a checkpoint, such as `RUN/checkpoints/step-00001000`, and checks its files.
  ///
  /// - Parameter checkingDigests: reads all files and compares their digests; false compares their sizes alone, for a rank that
  ///   relies on another one's check.
  /// - Throws: the first thing that is wrong, and for a folder that is no checkpoint what to name instead.
  public init(path: String, checkingDigests: Bool = true) throws(CheckpointError) {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    self.path = path
    manifest = try Self.manifest(of: path)
    for file in manifest.files { try file.check(in: path, checkingDigest: checkingDigests) }
  }

  /// Checks one file by the manifest that lies beside it. A file without one, copied from somewhere, is taken as it is.
  public static func check(file path: String) throws(CheckpointError) {
    let (folder, name) = FileSystem.parts(of: path)
    guard hasManifest(folder) else { return }
    guard let file = try manifest(of: folder).files.first(where: { $0.name == name }) else {
      throw CheckpointError("the checkpoint has no \(name)", path: folder)
    }
    try file.check(in: folder, checkingDigest: true)
  }

  /// Whether a folder is one that was committed as a checkpoint.
  public static func hasManifest(_ folder: String) -> Bool {
    FileSystem.exists("\(folder)/\(CheckpointFile.manifest)")
  }

  /// The files of a checkpoint as its manifest has them; nil for a folder without one.
  public static func names(in folder: String) throws(CheckpointError) -> [String]? {
    hasManifest(folder) ? try manifest(of: folder).files.map(\.name) : nil
  }

  /// The weights.
  public func model() throws(CheckpointError) -> SafetensorsFile { try tensors(CheckpointFile.model) }

  /// The optimizer's state, in the order of its shards; none for an optimizer without any.
  public func optimizerShards() throws(CheckpointError) -> [SafetensorsFile] {
    let names = manifest.files.map(\.name).filter { $0.hasPrefix("optimizer-") }
    let expected = names.indices.map { CheckpointFile.optimizer($0, of: names.count) }
    guard names == expected else {
      throw CheckpointError(
        "expected \(expected.joined(separator: ", ")), found \(names.joined(separator: ", "))", path: path)
    }
    var shards: [SafetensorsFile] = []
    for name in names { shards.append(try tensors(name)) }
    return shards
  }

  /// Where the run stands: the bytes of `state.json`.
  public func state() throws(CheckpointError) -> Data {
    try check(CheckpointFile.state)
    return Data(try FileSystem.contents(of: "\(path)/\(CheckpointFile.state)"))
  }

  /// Whether the manifest lists a file of that name.
  public func has(_ name: String) -> Bool { manifest.files.contains { $0.name == name } }

  private func tensors(_ name: String) throws(CheckpointError) -> SafetensorsFile {
    try check(name)
    return try SafetensorsFile(path: "\(path)/\(name)")
  }

  /// A file that the manifest does not list was never checked.
  private func check(_ name: String) throws(CheckpointError) {
    if has(name) { return }
    throw CheckpointError("the checkpoint has no \(name)", path: path)
  }

  private static func manifest(of path: String) throws(CheckpointError) -> CheckpointManifest {
    guard FileSystem.isFolder(path) else {
      throw CheckpointError(
        "there is no such folder; a checkpoint is one, such as RUN/checkpoints/step-00001000", path: path)
    }
    let file = "\(path)/\(CheckpointFile.manifest)"
    guard try FileSystem.names(in: path)?.contains(CheckpointFile.manifest) == true else {
      throw CheckpointError("this is no checkpoint: it has no manifest.json\(try hint(path))", path: path)
    }
    return try CheckpointManifest(try FileSystem.contents(of: file), path: file)
  }

  /// What to name instead of a folder that holds checkpoints.
  private static func hint(_ path: String) throws(CheckpointError) -> String {
    for folder in [path, "\(path)/checkpoints"] {
      let store = CheckpointStore(directory: folder)
      if let newest = try store.steps().last { return "; the newest below it is \(store.path(newest))" }
    }
    return "; name a folder such as RUN/checkpoints/step-00001000"
  }
}
