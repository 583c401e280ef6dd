import Checkpoints
import Foundation
import Logging

/// Where the files of a trained model lie: in a run directory, or in the directory of one of its checkpoints.
///
/// A run has weights of its own when it is finished; before, those of its newest checkpoint are taken whose weights are whole. A checkpoint is any
/// directory with weights; what it does not hold itself is the run's, if it lies at `RUN/checkpoints/step-N`.
public struct RunFiles: Sendable {
  /// As it was named.
  public let path: String
  public let configuration: String
  /// Compared with the manifest that lies beside them, if one does.
  public let weights: String
  /// Where it should be, whether it is there or not.
  public let preprocessing: String

  /// - Parameter report: is given a line for each newer checkpoint whose weights are not whole; logs a warning unless told otherwise.
  /// - Throws: what the directory has not; `CheckpointError` for weights of a checkpoint that are not those that were written.
  public init(_ path: String, report: (String) -> Void = Self.warn) throws {
    let path = Self.withoutSlash(path)
    self.path = path
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw ConfigurationError("there is no such directory; name a run or one of its checkpoints", at: path)
    }
    guard isDirectory.boolValue else {
      throw ConfigurationError("this is a file; name a run directory or one of its checkpoints", at: path)
    }
    let found = try Self.known(path, report: report)
    guard let configuration = found.configuration else {
      throw ConfigurationError(
        "this is no run directory: it has no \(Self.configurationName); name one that rondo train wrote, or one of its "
          + "checkpoints", at: path)
    }
    guard let weights = found.weights else {
      throw ConfigurationError(
        "the run has no weights yet: neither \(Self.weightsName) nor a checkpoint; let it train on", at: path)
    }
    self.configuration = configuration
    self.weights = weights
    preprocessing = found.preprocessing
  }

  /// As another rank has found them: these weights, also where a newer checkpoint has appeared since.
  init(_ found: RunFiles, weights: String) throws(CheckpointError) {
    (path, configuration, preprocessing) = (found.path, found.configuration, found.preprocessing)
    self.weights = weights
    if weights != found.weights { try StoredCheckpoint.check(file: weights) }
  }

  /// What there is of them.
  static func known(
    _ path: String, report: (String) -> Void
  ) throws -> (configuration: String?, weights: String?, preprocessing: String) {
    let folder = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent()
    let isCheckpoint = folder.lastPathComponent == checkpointsName
    let homes = [path] + (isCheckpoint ? ["\(path)/../.."] : [])
    let place = homes.first { exists(preprocessingName, in: $0) } ?? homes[homes.count - 1]
    let configuration = homes.first { exists(configurationName, in: $0) }.map { "\($0)/\(configurationName)" }
    let keepsAverage =
      try configuration.map { try Configuration(contentsOf: $0).training.emaDecay != nil } ?? false
    let weights = try weights(of: path, keepsAverage: keepsAverage, report: report)
    return (configuration, weights, "\(place)/\(preprocessingName)")
  }

  /// The weights of a directory itself, else of its newest checkpoint. A run that was cut off at its end may have weights without their average.
  private static func weights(
    of path: String, keepsAverage: Bool, report: (String) -> Void
  ) throws -> String? {
    let isThere = exists(weightsName, in: path)
    let average = RunDirectory.averageWeights
    let lacksAverage = keepsAverage && !exists(average, in: path) && !StoredCheckpoint.hasManifest(path)
    if isThere, !lacksAverage { return try wholeWeights(in: path, keepsAverage: keepsAverage) }
    if let newest = try newestWeights(of: path, keepsAverage: keepsAverage, report: report) {
      if isThere { report("\(path)/\(average): there is no such file; falling back to \(newest)") }
      return newest
    }
    return isThere ? try wholeWeights(in: path, keepsAverage: keepsAverage) : nil
  }

  /// The weights of a directory, or their average if one is kept.
  private static func wholeWeights(
    in directory: String, keepsAverage: Bool
  ) throws(CheckpointError) -> String {
    let average = RunDirectory.averageWeights
    let hasAverage =
      try StoredCheckpoint.names(in: directory)?.contains(average)
      ?? (keepsAverage || exists(average, in: directory))
    let file = "\(directory)/\(hasAverage ? average : weightsName)"
    try StoredCheckpoint.check(file: file)
    _ = try SafetensorsFile(path: file)
    return file
  }

  /// The weights of a run's newest checkpoint that has them whole; the optimizer's state in it need not be.
  ///
  /// - Returns: nil for a run without checkpoints.
  private static func newestWeights(
    of run: String, keepsAverage: Bool, report: (String) -> Void
  ) throws -> String? {
    let candidates = checkpoints(of: run).reversed().map(\.path)
    var faults: [String] = []
    for candidate in candidates {
      do throws(CheckpointError) {
        let weights = try wholeWeights(in: candidate, keepsAverage: keepsAverage)
        let name = URL(fileURLWithPath: candidate).lastPathComponent
        for fault in faults { report("\(fault); falling back to \(name)") }
        return weights
      } catch {
        faults.append("\(error)")
      }
    }
    guard let newest = faults.first else { return nil }
    let none = faults.count == 1 ? "the only checkpoint is not" : "none of the \(faults.count) checkpoints is"
    throw RunDirectoryError("\(newest); \(none) whole: let \(run) train on, or train it anew")
  }

  /// Whether these weights are an average over the run.
  static func isAverage(_ path: String) -> Bool {
    URL(fileURLWithPath: path).lastPathComponent == RunDirectory.averageWeights
  }

  /// As a warning of the program's log.
  public static func warn(_ line: String) { Logger(label: "rondo.training").warning("\(line)") }

  static let configurationName = "config.yaml"
  static let checkpointsName = "checkpoints"
  static let preprocessingName = "preprocessing.json"
  static let evaluationName = "evaluation.json"
  static let weightsName = RunDirectory.weights

  /// A path as a shell completes it, without the slash at its end.
  static func withoutSlash(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  static func exists(_ name: String, in directory: String) -> Bool {
    FileManager.default.fileExists(atPath: directory + "/" + name)
  }

  /// The checkpoints of a run that hold weights, or a manifest that says so, in the order of their steps.
  static func checkpoints(of run: String) -> [(step: Int, path: String)] {
    let folder = "\(run)/\(checkpointsName)"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)) else { return nil }
      let path = "\(folder)/\(name)"
      return exists(weightsName, in: path) || StoredCheckpoint.hasManifest(path) ? (step, path) : nil
    }.sorted { $0.step < $1.step }
  }
}
