import Foundation
import MPI

/// What went wrong with a run's files: on rank 0 alone, so it ends the job unless the ranks have agreed on it.
struct RunDirectoryError: ExitStatusError, CustomStringConvertible {
  let description: String
  let exitStatus: Int32

  init(_ description: String, exitStatus: Int32 = 1) {
    self.description = description
    self.exitStatus = exitStatus
  }
}

/// The files of a run, written by rank 0.
final class RunDirectory {
  let path: String
  private let metrics: FileHandle

  /// Creates the directory and puts the resolved configuration into it.
  ///
  /// - Parameter path: nil chooses `runs/NAME-DATE-TIME` in the directory in which the run was started.
  /// - Throws: `RunDirectoryError` when the directory holds a run already or cannot be written.
  init(_ path: String?, configuration: Configuration) throws {
    let path = path ?? Self.freshPath(for: configuration.name)
    self.path = path
    let files = FileManager.default
    if files.fileExists(atPath: path + "/config.yaml") {
      throw RunDirectoryError(
        "\(path): holds a run already; choose another --output, or remove it", exitStatus: 2)
    }
    do {
      try files.createDirectory(atPath: path, withIntermediateDirectories: true)
      let lines = URL(fileURLWithPath: path + "/metrics.jsonl")
      if !files.fileExists(atPath: lines.path) { try Data().write(to: lines) }
      metrics = try FileHandle(forWritingTo: lines)
      // Last: it is what marks the directory as taken.
      try configuration.resolvedYAML.write(toFile: path + "/config.yaml", atomically: true, encoding: .utf8)
    } catch {
      throw RunDirectoryError(
        "\(path): cannot write the run directory (\(Self.reason(error))); choose another --output",
        exitStatus: 2)
    }
  }

  func append(_ line: String) throws {
    do { try metrics.write(contentsOf: Data((line + "\n").utf8)) } catch {
      throw RunDirectoryError("\(path)/metrics.jsonl: cannot write (\(Self.reason(error)))")
    }
  }

  func write(_ summary: Summary) throws {
    do {
      try (summary.json(pretty: true) + "\n").write(
        toFile: path + "/summary.json", atomically: true, encoding: .utf8)
    } catch {
      throw RunDirectoryError("\(path)/summary.json: cannot write (\(Self.reason(error)))")
    }
  }

  func write(_ timeline: Timeline) throws {
    let path = path + "/timeline.json"
    do {
      try Data().write(to: URL(fileURLWithPath: path))
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try timeline.write { try file.write(contentsOf: Data($0.utf8)) }
      try file.close()
    } catch {
      throw RunDirectoryError("\(path): cannot write (\(Self.reason(error)))")
    }
  }

  static func reason(_ error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
    return (underlying ?? error as NSError).localizedDescription
  }

  private static func freshPath(for name: String) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "yyyyMMdd-HHmmss"
    let base = "runs/\(name)-\(formatter.string(from: Date()))"
    var path = base
    var number = 2
    while FileManager.default.fileExists(atPath: path) {
      path = "\(base)-\(number)"
      number += 1
    }
    return path
  }
}
