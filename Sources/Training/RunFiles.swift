import Foundation

/// Where the files of a trained model lie: in a run directory, or in the directory of one of its checkpoints.
///
/// A run has weights of its own when it is finished; before, its newest checkpoint's are taken. A checkpoint is any directory with weights;
/// what it does not hold itself is the run's, if it lies at `RUN/checkpoints/step-N`.
public struct RunFiles: Sendable {
  /// As it was named.
  public let path: String
  public let configuration: String
  public let weights: String
  /// Where it should be, whether it is there or not.
  public let preprocessing: String

  /// - Throws: what the directory has not.
  public init(_ path: String) throws(ConfigurationError) {
    let path = Self.withoutSlash(path)
    self.path = path
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw ConfigurationError("there is no such directory; name a run or one of its checkpoints", at: path)
    }
    guard isDirectory.boolValue else {
      throw ConfigurationError("this is a file; name a run directory or one of its checkpoints", at: path)
    }
    let found = Self.known(path)
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

  /// What there is of them.
  static func known(_ path: String) -> (configuration: String?, weights: String?, preprocessing: String) {
    let holders = [path] + checkpoints(of: path).reversed().map(\.path)
    let holder = holders.first { exists(weightsName, in: $0) }
    let folder = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent()
    let isCheckpoint = folder.lastPathComponent == checkpointsName
    let homes = [path] + (isCheckpoint ? ["\(path)/../.."] : [])
    let place = homes.first { exists(preprocessingName, in: $0) } ?? homes[homes.count - 1]
    return (
      homes.first { exists(configurationName, in: $0) }.map { "\($0)/\(configurationName)" },
      holder.map { holder in
        let average = RunDirectory.averageWeights
        return "\(holder)/\(exists(average, in: holder) ? average : weightsName)"
      }, "\(place)/\(preprocessingName)"
    )
  }

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

  /// The checkpoints of a run that hold weights, in the order of their steps.
  static func checkpoints(of run: String) -> [(step: Int, path: String)] {
    let folder = "\(run)/\(checkpointsName)"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)) else { return nil }
      return exists(weightsName, in: "\(folder)/\(name)") ? (step, "\(folder)/\(name)") : nil
    }.sorted { $0.step < $1.step }
  }
}
