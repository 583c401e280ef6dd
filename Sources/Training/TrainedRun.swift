import BLAS
import Checkpoints
import Foundation
import Graph
import MPI
import NeuralNetwork

/// A finished run, read from its directory: what was trained, and the weights that came of it.
public struct TrainedRun {
  public let path: String
  public let configuration: Configuration
  private let weights: SafetensorsFile

  /// - Throws: `ConfigurationError` and `CheckpointError` for a directory that holds no finished run.
  public init(path: String) throws {
    self.path = path
    let config = path + "/config.yaml"
    guard FileManager.default.fileExists(atPath: config) else {
      throw ConfigurationError(
        "this is no run directory: it has no config.yaml; name one that rondo train wrote", at: path)
    }
    configuration = try Configuration(contentsOf: config, overrides: [])
    weights = try SafetensorsFile(path: path + "/" + RunDirectory.weights)
  }

  /// What continues texts with the run's weights.
  ///
  /// - Throws: when the run trained something else than a gpt.
  public func textGenerator(on pool: ThreadPool) throws -> TextGenerator {
    let model = configuration.model
    guard model.kind == .gpt else {
      throw ConfigurationError(
        "the run trained a \(model.kind.rawValue), and only a gpt continues texts", at: path)
    }
    let gpt = GPT(
      layers: model.layers, heads: model.heads, width: model.width, context: model.context,
      vocabulary: try weights.tensor("embedding.table").shape.first ?? 0, tiesHead: model.tieHead)
    var values: [String: [Float]] = [:]
    for tensor in weights.tensors { values[tensor.name] = try weights.floats(tensor.name) }
    do {
      return try TextGenerator(gpt, values: values, pool: pool)
    } catch {
      throw ConfigurationError("the weights are not those of config.yaml: \(error)", at: weights.path)
    }
  }
}

extension CheckpointError: ExitStatusError {
  public var exitStatus: Int32 { 2 }
}
