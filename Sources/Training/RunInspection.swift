import Checkpoints
import Foundation

/// What the directory of a run, or of one of its checkpoints, holds: how far the training came, how good the model is, and its weights.
public struct RunInspection: Codable, Sendable {
  public enum Kind: String, Codable, Sendable {
    case run, checkpoint
  }

  public struct File: Codable, Sendable, Equatable {
    public var name: String
    /// Of a file, or of all files in a folder.
    public var bytes: Int
  }

  public var path: String
  public var kind: Kind
  /// Of the configuration; nil for weights without one.
  public var name: String?
  public var model: String?
  /// Whether the run came to its end.
  public var isFinished: Bool
  /// Of a run the steps done, of a checkpoint those of its weights.
  public var steps: Int?
  public var epochs: Double?
  public var trainLoss: Double?
  /// The last metrics over held-out samples.
  public var evaluation: [String: Double]?
  public var ranks: Int?
  public var weightsSha256: String?
  /// Of a run, by their steps; of a checkpoint none.
  public var checkpoints: [File]
  /// All files and folders.
  public var files: [File]
  /// Of the weights that `rondo evaluate` and `rondo predict` would take; nil where there are none yet.
  public var weights: WeightsInspection?

  /// - Throws: `ConfigurationError` and `CheckpointError` for a directory that is neither, or holds a broken file.
  public init(path: String) throws {
    let path = RunFiles.withoutSlash(path)
    self.path = path
    let isRun = [MetricsFile.name, RunDirectory.summary, RunFiles.checkpointsName].contains {
      RunFiles.exists($0, in: path)
    }
    guard
      isRun || RunFiles.exists(RunFiles.weightsName, in: path)
        || RunFiles.exists(RunFiles.configurationName, in: path)
    else {
      throw ConfigurationError(
        "this directory is no run and no checkpoint: it has neither \(RunFiles.configurationName) nor \(RunFiles.weightsName)",
        at: path)
    }
    kind = isRun ? .run : .checkpoint
    let known = try RunFiles.known(path, report: RunFiles.warn)
    if let configuration = known.configuration {
      let configuration = try Configuration(contentsOf: configuration)
      (name, model) = (configuration.name, configuration.model.kind.rawValue)
    }
    weights = try known.weights.map { path throws(CheckpointError) in try WeightsInspection(path: path) }
    files = Self.files(in: path)
    checkpoints = RunFiles.checkpoints(of: path).map { _, path in
      File(name: URL(fileURLWithPath: path).lastPathComponent, bytes: Self.bytes(of: path))
    }
    isFinished = false
    steps = weights?.metadata["steps"].flatMap(Int.init)
    if isRun { try readProgress() }
  }

  /// From the summary of a finished run, else from its lines of metrics.
  private mutating func readProgress() throws {
    if let json = FileManager.default.contents(atPath: "\(path)/\(RunDirectory.summary)") {
      guard let summary = try? JSONLine.decode(Progress.self, from: json) else {
        throw ConfigurationError("this is not what rondo train wrote", at: "\(path)/\(RunDirectory.summary)")
      }
      isFinished = true
      (steps, epochs, trainLoss) = (summary.steps, summary.epochs, summary.trainLoss)
      (ranks, weightsSha256) = (summary.ranks, summary.weightsSha256)
      evaluation = summary.evaluation
      return
    }
    let text = (try? String(contentsOfFile: "\(path)/\(MetricsFile.name)", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n").reversed()
    where epochs == nil || evaluation == nil || trainLoss == nil {
      let json = Data(line.utf8)
      if let step = try? JSONLine.decode(StepMetrics.self, from: json) {
        if epochs == nil { (steps, epochs) = (step.step, step.epoch) }
        trainLoss = trainLoss ?? step.loss
      } else if let found = try? JSONLine.decode(EvaluationMetrics.self, from: json), evaluation == nil {
        evaluation = found.evaluation
      }
    }
  }

  /// What is shown of a summary, whatever version wrote it.
  private struct Progress: Decodable {
    var steps: Int?
    var epochs: Double?
    var trainLoss: Double?
    var evaluation: [String: Double]?
    var ranks: Int?
    var weightsSha256: String?
  }

  private static func files(in directory: String) -> [File] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.sorted().map { File(name: $0, bytes: bytes(of: "\(directory)/\($0)")) }
  }

  /// Of a file, or of all files in a folder.
  static func bytes(of path: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard attributes?[.type] as? FileAttributeType == .typeDirectory else {
      return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.reduce(0) { $0 + bytes(of: "\(path)/\($1)") }
  }

  public var json: String { JSONLine.encode(self) }
}

extension RunInspection {
  /// For people.
  public var table: String {
    var rows: [[String]] = []
    func add(_ key: String, _ value: String?) { if let value { rows.append([key, value]) } }
    add("model", [name, model].compactMap(\.self).joined(separator: ", "))
    add("steps", steps.map { "\($0)" + (epochs.map { ", \(ProgressDisplay.number($0)) epochs" } ?? "") })
    add("training loss", trainLoss.map(ProgressDisplay.number))
    let metrics = (evaluation ?? [:]).compactMap { key, value in
      Metric(rawValue: key).map {
        (Metric.allCases.firstIndex(of: $0) ?? 0, "\(key) \(ProgressDisplay.number(value))")
      }
    }.sorted { $0.0 < $1.0 }
    add("held out", metrics.isEmpty ? nil : metrics.map(\.1).joined(separator: ", "))
    add("ranks", ranks.map(String.init))
    add("weights", weights.map { "\($0.path): \($0.summary)" } ?? "none yet")
    let isAverage = weights.map { RunFiles.isAverage($0.path) } ?? false
    add(isAverage ? "sha256 before averaging" : "sha256 of weights", weightsSha256)
    add("checkpoints", checkpoints.isEmpty ? nil : checkpoints.map(\.name).joined(separator: ", "))
    let state = kind == .checkpoint ? "a checkpoint" : isFinished ? "a finished run" : "an unfinished run"
    let listed = [["file", "bytes"]] + files.map { [$0.name, ProgressDisplay.grouped(Double($0.bytes))] }
    return (["\(path): \(state)"] + TextTable.lines(rows, left: [0, 1]) + [""] + TextTable.lines(listed))
      .joined(separator: "\n")
  }
}
