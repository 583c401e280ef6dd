import Checkpoints
import Foundation
import Logging

/// Where a run lives, and what it begins with: as the output directory and the policy say. On rank 0.
struct RunPlace {
  let directory: RunDirectory
  let source: Resumption.Source

  init(_ output: String?, resume: ResumePolicy, configuration: Configuration) throws {
    switch resume {
    case .never:
      directory = try RunDirectory(output, configuration: configuration)
      source = .none
    case .auto:
      directory = try RunDirectory(output, configuration: configuration, resumes: true)
      source = Self.checkpoints(of: directory)
    case .from(let path):
      let isRun = FileManager.default.fileExists(atPath: "\(path)/\(RunFiles.configurationName)")
      if isRun, output == nil || Self.isSame(output ?? path, path) {
        directory = try RunDirectory(path, configuration: configuration, resumes: true)
        source = Self.checkpoints(of: directory)
        return
      }
      // The same command again.
      if let output, Self.began(output, from: path) {
        directory = try RunDirectory(
          output, configuration: configuration, resumes: true, origin: Self.absolute(path))
        source = Self.checkpoints(of: directory)
        return
      }
      source = .checkpoint(try Self.origin(path))
      directory = try RunDirectory(output, configuration: configuration, origin: Self.absolute(path))
    }
  }

  /// The state with which a new run begins: that of a checkpoint, or the newest of a run.
  private static func origin(_ path: String) throws -> StoredCheckpoint {
    guard FileManager.default.fileExists(atPath: "\(path)/\(RunFiles.configurationName)") else {
      return try StoredCheckpoint(path: path)
    }
    let store = CheckpointStore(directory: "\(path)/\(RunFiles.checkpointsName)")
    var faults: [String] = []
    if let newest = try store.newestWhole(report: { faults.append($0) }) {
      for fault in faults { Logger(label: "rondo.training").warning("\(fault)") }
      return newest
    }
    let weights = "\(path)/\(RunFiles.weightsName)"
    let isThere = FileManager.default.fileExists(atPath: weights)
    throw RunDirectoryError(
      faults.first
        ?? "\(path): the run has no checkpoint to begin with"
        + (isThere ? "; for its weights alone set training.initial_weights.path to \(weights)" : ""),
      exitStatus: 2)
  }

  /// The name of the run in the output directory and, in further lines, its `summary.json`, if it came to its end and may be taken up; else
  /// nothing.
  static func finished(
    _ output: String?, resume: ResumePolicy, configuration: Configuration
  ) throws -> String {
    var path = output
    if case .from(let run) = resume, output == nil { path = run }
    guard let path, resume != .never, RunDirectory.isFinished(path) else { return "" }
    if case .from(let other) = resume, !isSame(other, path), !began(path, from: other) { return "" }
    try RunDirectory.check(path, configuration)
    let id = try RunIdentity(directory: path)?.id ?? ""
    let summary = "\(path)/\(RunDirectory.summary)"
    guard let data = try RunDirectory.contents(summary),
      let text = String(bytes: data, encoding: .utf8), (try? Summary(json: text)) != nil
    else {
      throw RunDirectoryError(
        "\(summary): is no summary of a run; remove it, and the same command goes on", exitStatus: 2)
    }
    return "\(id)\n" + text
  }

  private static func checkpoints(of directory: RunDirectory) -> Resumption.Source {
    let origin = directory.identity.origin
    guard directory.isResumed || origin != nil else { return .none }
    return .run(
      CheckpointStore(directory: "\(directory.path)/\(RunFiles.checkpointsName)"),
      origin: origin.map { path in { try Self.origin(path) } })
  }

  /// Whether the run in a directory began with the state of that run or checkpoint.
  private static func began(_ run: String, from path: String) -> Bool {
    (try? RunIdentity(directory: run))?.origin == absolute(path)
  }

  private static func isSame(_ a: String, _ b: String) -> Bool { absolute(a) == absolute(b) }

  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }
}
