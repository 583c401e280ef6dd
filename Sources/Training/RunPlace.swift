import Checkpoints
import Foundation

/// Where a run lives, and what it begins with: as the output directory and the policy say. On rank 0.
struct RunPlace {
  let directory: RunDirectory
  let source: Resumption.Source

  /// Of a run's directory.
  static let checkpoints = "checkpoints"

  init(_ output: String?, resume: ResumePolicy, configuration: Configuration) throws {
    switch resume {
    case .never:
      directory = try RunDirectory(output, configuration: configuration)
      source = .none
    case .auto:
      directory = try RunDirectory(output, configuration: configuration, resumes: true)
      source = Self.checkpoints(of: directory)
    case .from(let path):
      if FileManager.default.fileExists(atPath: path + "/config.yaml") {
        if output == nil || Self.isSame(output ?? path, path) {
          directory = try RunDirectory(path, configuration: configuration, resumes: true)
          source = Self.checkpoints(of: directory)
          return
        }
        let store = CheckpointStore(directory: "\(path)/\(Self.checkpoints)")
        var faults: [String] = []
        guard let newest = try store.newestWhole(report: { faults.append($0) }) else {
          let weights = "\(path)/\(RunFiles.weightsName)"
          let isThere = FileManager.default.fileExists(atPath: weights)
          throw RunDirectoryError(
            faults.first
              ?? "\(path): the run has no checkpoint to begin with"
              + (isThere ? "; for its weights alone set training.initial_weights.path to \(weights)" : ""),
            exitStatus: 2)
        }
        source = .checkpoint(newest)
      } else {
        source = .checkpoint(try StoredCheckpoint(path: path))
      }
      directory = try RunDirectory(output, configuration: configuration)
    }
  }

  /// `summary.json` of the output directory, if the run there came to its end and may be taken up; else nothing.
  static func finished(
    _ output: String?, resume: ResumePolicy, configuration: Configuration
  ) throws -> String {
    var path = output
    if case .from(let run) = resume, output == nil { path = run }
    guard let path, resume != .never, RunDirectory.isFinished(path) else { return "" }
    if case .from(let other) = resume, !isSame(other, path) { return "" }
    try RunDirectory.check(path, configuration)
    return try String(contentsOfFile: "\(path)/\(RunDirectory.summary)", encoding: .utf8)
  }

  private static func checkpoints(of directory: RunDirectory) -> Resumption.Source {
    directory.isResumed
      ? .run(CheckpointStore(directory: "\(directory.path)/\(checkpoints)")) : .none
  }

  private static func isSame(_ a: String, _ b: String) -> Bool {
    URL(fileURLWithPath: a).standardizedFileURL == URL(fileURLWithPath: b).standardizedFileURL
  }
}
