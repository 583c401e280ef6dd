import Checkpoints
import Datasets
import Foundation
import Logging
import MPI

/// What went wrong with a run's files: on rank 0 alone, so it ends the job unless the ranks have agreed on it.
struct RunDirectoryError: ExitStatusError, CustomStringConvertible {
  /// What is wrong, and where.
  let problem: String
  /// What to do.
  let remedy: String?
  let exitStatus: Int32
  /// Whether training may go on until it is mended.
  let mayPass: Bool

  static let mendAndGoOn = "when that is mended, the same command goes on"

  var description: String { remedy.map { "\(problem); \($0)" } ?? problem }

  init(_ problem: String, remedy: String? = nil, exitStatus: Int32 = 1, mayPass: Bool = false) {
    self.problem = problem
    self.remedy = remedy
    self.exitStatus = exitStatus
    self.mayPass = mayPass
  }
}

/// The files of a run, written by rank 0.
final class RunDirectory {
  let path: String
  let identity: RunIdentity
  /// Whether a run was in it already.
  let isResumed: Bool
  /// What is written of it, resolved.
  private let configuration: String
  /// How new data are read, once that is written.
  var preprocessing: Preprocessing?
  private var metrics: MetricsFile?
  /// Whether lines wait.
  private var hasFailed = false
  private var lock: RunLock
  /// Whether it was not there before.
  private let isOwn: Bool

  static let summary = "summary.json"
  /// Of files that are written at once.
  private static let names = [
    RunFiles.configurationName, RunFiles.preprocessingName, RunFiles.evaluationName, RunIdentity.file,
    MetricsFile.name, summary, weights, averageWeights,
  ]

  /// Makes the directory and puts the resolved configuration into it, or takes up the run that is there. One that is finished, perhaps while
  /// this job waited for its directory, is left as it is.
  ///
  /// - Parameters:
  ///   - path: nil chooses `runs/NAME-DATE-TIME` in the directory in which the run was started.
  ///   - origin: of a new run that begins with the state of another.
  ///   - seconds: to wait for a process that has the directory and is being ended.
  /// - Throws: `RunDirectoryError` when the directory holds a run that may not be taken up, another process has it, or it cannot be written.
  init(
    _ path: String?, configuration: Configuration, resumes: Bool = false, origin: String? = nil,
    waiting seconds: Int = 10
  ) throws {
    let path = path ?? Self.freshPath(for: configuration.name)
    self.path = path
    self.configuration = configuration.resolvedYAML
    let files = FileManager.default
    var identity = RunIdentity(origin: origin)
    var isResumed = false
    isOwn = !files.fileExists(atPath: path)
    do { try files.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw Self.unwritable(path, error)
    }
    // Before anything in it is read or written.
    lock = try RunLock(path, waiting: seconds)
    if let fault = lock.fault { Logger(label: "rondo.training").warning("\(fault)") }
    AtomicFile.removePartial(of: Self.names, in: path)
    if files.fileExists(atPath: "\(path)/\(RunFiles.configurationName)") {
      guard resumes else {
        throw RunDirectoryError(
          "\(path): holds a run already; choose another --output, or remove it", exitStatus: 2)
      }
      try Self.check(path, configuration)
      if let found = try RunIdentity(directory: path) {
        identity = found.nextLife(in: path)
        if identity.id != found.id {
          Logger(label: "rondo.training").notice(
            "\(path): is a copy of \(found.directory ?? ""): it goes on from its checkpoints, as a run of its own"
          )
        }
      }
      isResumed = true
    }
    identity.directory = RunIdentity.resolved(path)
    self.identity = identity
    self.isResumed = isResumed
    if isResumed, Self.isFinished(path) { return }
    do { try writeDescription() } catch {
      abandon()
      throw Self.unwritable(path, error)
    }
  }

  private func writeDescription() throws {
    try identity.write(to: path)
    // Last: it is what marks the directory as taken.
    try AtomicFile.write(Array(configuration.utf8), to: "\(path)/\(RunFiles.configurationName)")
  }

  private static func unwritable(_ path: String, _ error: any Error) -> RunDirectoryError {
    RunDirectoryError(
      "\(path.isEmpty ? "--output" : path): cannot write the run directory (\(reason(error))); choose another --output",
      exitStatus: 2)
  }

  /// Of a file without which a run does not go on. What it has done is in memory, or in a checkpoint.
  static func interrupted(_ file: String, _ error: any Error) -> RunDirectoryError {
    RunDirectoryError(
      "\(file): cannot write (\(reason(error)))", remedy: RunDirectoryError.mendAndGoOn, mayPass: true)
  }

  /// Whether the directory holds a run that came to its end.
  static func isFinished(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(path)/\(summary)")
  }

  /// Refuses to go on with another configuration than the run began with.
  static func check(_ path: String, _ configuration: Configuration) throws {
    let began = try Configuration(contentsOf: "\(path)/\(RunFiles.configurationName)")
    guard let difference = configuration.firstDifference(from: began) else { return }
    let store = CheckpointStore(directory: "\(path)/\(RunFiles.checkpointsName)")
    let hasCheckpoint = (try? store.steps())?.isEmpty == false
    throw RunDirectoryError(
      "\(path): the run there was begun with \(difference.key): \(difference.other), and this is \(difference.own); give it the same, or "
        + "start another run with another --output"
        + (hasCheckpoint ? " (with --resume \(path) from its newest checkpoint)" : ""),
      exitStatus: 2)
  }

  /// Takes back what was written for a run that has not come to begin, so that the command may be corrected and given again. What was there
  /// before stays.
  func abandon() {
    guard !isResumed else { return }
    for name in [RunFiles.configurationName, RunFiles.preprocessingName, RunIdentity.file] {
      unlink("\(path)/\(name)")
    }
    // Only where there is nothing else in it.
    if isOwn { rmdir(path) }
  }

  /// Opens `metrics.jsonl` for more lines, without those that the run has yet to write from where it goes on.
  func openMetrics(_ progress: TrainingProgress) throws {
    metrics = try MetricsFile(in: path, after: progress)
  }

  /// Adds a line to `metrics.jsonl`. While the disk takes none, lines wait, and training goes on.
  ///
  /// - Throws: where another run has taken the directory.
  func append(_ line: String) throws {
    metrics?.append(line)
    let logger = Logger(label: "rondo.training")
    do {
      try flush()
      if hasFailed { logger.notice("\(path): the lines of metrics that waited are written") }
      hasFailed = false
    } catch let error as RunDirectoryError where error.mayPass {
      if !hasFailed { logger.warning("\(error.problem); training goes on, and lines of metrics wait") }
      hasFailed = true
    }
  }

  /// Writes what there is to write of `metrics.jsonl`.
  func closeMetrics() throws {
    do { try flush() } catch let error as RunDirectoryError where error.mayPass {
      let count = metrics?.waiting.count ?? 0
      throw RunDirectoryError(
        "\(error.problem), and \(count) line\(count == 1 ? " is" : "s are") lost", remedy: error.remedy)
    }
  }

  /// Makes sure before a checkpoint is written that the directory is still this run's.
  ///
  /// - Throws: where another run has taken it.
  func check() throws {
    do { try restore() } catch let error as RunDirectoryError where error.mayPass {}
  }

  private func flush() throws {
    try restore()
    try metrics?.flush()
  }

  /// Makes the directory again, with all that the run has put there but its checkpoints, where somebody has removed or moved it: what is trained
  /// from here on would be lost with it.
  private func restore() throws {
    guard let metrics, !metrics.isThere else { return }
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw Self.interrupted(path, error)
    }
    if !lock.isThere { lock = try RunLock(path, waiting: 0) }
    if let other = try RunIdentity(directory: path), other.id != identity.id {
      throw RunDirectoryError("\(path): was removed while this run trained, and another run is there now")
    }
    do { try writeDescription() } catch { throw Self.interrupted(path, error) }
    if let preprocessing { try write(preprocessing) }
    self.metrics = try metrics.remade(in: path)
    Logger(label: "rondo.training").warning(
      "\(path): what this run had written there was removed; it is written again, but for its checkpoints")
  }

  /// Writes a text that ends with a line feed: all of it is on disk then, or what was there before.
  func write(_ text: String, to name: String) throws {
    do { try AtomicFile.write(Array((text + "\n").utf8), to: "\(path)/\(name)") } catch {
      throw Self.interrupted("\(path)/\(name)", error)
    }
  }

  func write(_ summary: Summary) throws {
    try write(summary.json(pretty: true), to: Self.summary)
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

  /// The contents of a file; nil where there is none.
  ///
  /// - Throws: where there is one that cannot be read: what it says of the run is not to be taken for nothing.
  static func contents(_ path: String) throws(RunDirectoryError) -> Data? {
    if let data = FileManager.default.contents(atPath: path) { return data }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    throw RunDirectoryError("\(path): cannot be read", remedy: RunDirectoryError.mendAndGoOn)
  }

  /// What the system says of a call that failed.
  static func reason(_ error: any Error) -> String {
    if let code = (error as? CheckpointError)?.code { return String(cString: strerror(code)) }
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey]
    if let system = underlying as? POSIXError ?? error as? POSIXError {
      return String(cString: strerror(system.code.rawValue))
    }
    let foundation = underlying as? NSError ?? error as NSError
    // Its words would have others of Foundation's before them.
    if foundation.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(foundation.code))) }
    return foundation.localizedDescription
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
