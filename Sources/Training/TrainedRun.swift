import BLAS
import Checkpoints
import Datasets
import Foundation
import Graph
import MPI
import NeuralNetwork

/// A trained model, read from the directory of its run or of a checkpoint: what was trained, on what, and the weights that came of it.
public struct TrainedRun: Sendable {
  public let files: RunFiles
  public let configuration: Configuration
  private let weights: SafetensorsFile

  /// - Throws: `ConfigurationError` and `CheckpointError` for a directory that holds no trained model, and for weights of a checkpoint that are not
  ///   those that were written.
  public init(path: String) throws { try self.init(RunFiles(path)) }

  init(_ files: RunFiles) throws {
    self.files = files
    configuration = try Configuration(contentsOf: files.configuration, overrides: [])
    weights = try SafetensorsFile(path: files.weights)
  }

  /// Steps that the weights were trained for; nil where the file does not say.
  public var steps: Int? { weights.metadata["steps"].flatMap(Int.init) }

  /// What the model knows of its data.
  ///
  /// - Throws: `ConfigurationError` for a run that has written none, or something else.
  public func preprocessing() throws -> Preprocessing {
    guard let json = FileManager.default.contents(atPath: files.preprocessing) else {
      throw ConfigurationError(
        "there is no such file, and new data are read by it; rondo train writes it at the start of a run",
        at: files.preprocessing)
    }
    guard let preprocessing = try? JSONDecoder().decode(Preprocessing.self, from: json) else {
      throw ConfigurationError(
        "this is not what rondo train wrote at the start of the run", at: files.preprocessing)
    }
    if let fault = preprocessing.fault { throw ConfigurationError(fault, at: files.preprocessing) }
    return preprocessing
  }

  /// The samples that the run held out, from its own data.
  ///
  /// - Throws: `ConfigurationError` for data that are not those of the training any more.
  public func heldOut() throws -> Dataset {
    let data = try configuration.loadData()
    let isKnown = FileManager.default.fileExists(atPath: files.preprocessing)
    if isKnown, try preprocessing() != Preprocessing(of: data) {
      throw ConfigurationError(
        "the data have changed since the training: other columns, words, classes or means; name a file with --data",
        at: files.path)
    }
    if data.test.count == 0 {
      throw ConfigurationError("the run held out no samples; name a file with --data", at: files.path)
    }
    return data.test
  }

  /// Samples of a file, or folder, of the format that the run was trained on, read as the run read its own: a class that training has not
  /// seen is an error, a category is unknown.
  public func data(at path: String) throws -> Dataset {
    let preprocessing = try preprocessing()
    let (data, template) = (configuration.data, preprocessing.template)
    let loaded: Dataset
    switch data.path == nil ? .csv : data.format {
    case .csv:
      let file = CSVFile(path: path, label: template.labelName, categorical: data.categorical)
      loaded = try file.load(matching: template)
    case .idx: loaded = try IDXImages.loadTest(folder: path, matching: template)
    case .text: loaded = try TextFile(path: path, context: configuration.model.context).load()
    case .sequences:
      let file = SequenceFile(
        path: path, alphabet: data.alphabet, label: data.label, truncates: data.truncate)
      loaded = try file.load(matching: template)
    }
    return preprocessing.standardization?.applied(to: loaded) ?? loaded
  }

  /// The network that was trained, without gradients.
  ///
  /// - Parameters:
  ///   - microbatch: nil for that of the training.
  ///   - data: with the features and labels of the training data; samples do not matter.
  ///   - model: the one that `TrainingRun.model` was; nil for the configuration's.
  public func network(
    microbatch: Int? = nil, data: Dataset, model: ((Tensor) -> Tensor)? = nil
  ) throws(ShapeError) -> Network {
    var configuration = configuration
    configuration.training.microbatch = microbatch ?? configuration.training.microbatch
    return try ReadyMade.network(configuration, data: data, model: model, forTraining: false)
  }

  /// An executor of `network` with the trained weights.
  ///
  /// - Throws: `CheckpointError` for weights that are another network's.
  public func executor(_ network: Network, pool: ThreadPool) throws(CheckpointError) -> Executor {
    let graph = network.graph
    let arena = Arena(count: graph.arenaCount)
    let shapes = Dictionary(weights.tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    func mismatch(_ problem: String) -> CheckpointError {
      CheckpointError("the weights are not those of \(files.configuration): \(problem)", path: weights.path)
    }
    for parameter in graph.parameters {
      guard shapes[parameter.name] == parameter.shape.extents else {
        throw mismatch(
          "expected \(parameter.name) \(parameter.shape.extents), found \(shapes[parameter.name]?.description ?? "none")"
        )
      }
      try weights.read(weights.tensor(parameter.name), into: arena[parameter.range])
    }
    let known = Set(graph.parameters.map(\.name))
    if let other = weights.tensors.first(where: { !known.contains($0.name) }) {
      throw mismatch("the model has no \(other.name)")
    }
    return Executor(graph, pool: pool, seed: configuration.seed, parameters: arena)
  }

  /// What continues texts with the run's weights.
  ///
  /// - Throws: when the run trained something else than a gpt.
  public func textGenerator(on pool: ThreadPool) throws -> TextGenerator {
    let model = configuration.model
    guard model.kind == .gpt else {
      throw ConfigurationError(
        "the run trained a \(model.kind.rawValue), and only a gpt continues texts", at: files.path)
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
