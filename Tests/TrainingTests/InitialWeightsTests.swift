import BLAS
import Checkpoints
import Datasets
import Foundation
import Graph
import NeuralNetwork
import Testing

@testable import Training

/// A folder with files of weights, removed with the value.
private final class Weights {
  let folder = FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)"

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  var path: String { folder + "/model.safetensors" }

  /// Writes an executor's parameters.
  ///
  /// - Parameter rename: what a parameter is called in the file; nil leaves it out.
  func write(
    _ executor: Executor, asPyTorch: Bool = false, _ rename: (String) -> String? = { $0 }
  ) throws {
    let sources = executor.graph.parameters.compactMap { parameter -> SafetensorsSource? in
      guard let name = rename(parameter.name) else { return nil }
      let (shape, values) = (parameter.shape.extents, executor.values(of: parameter))
      guard asPyTorch, shape.count > 1, parameter.name.hasSuffix(".weight") else {
        return SafetensorsSource(name, shape: shape, values)
      }
      // [kernel..., in, out] as [out, in, kernel...].
      let (kernel, inputs, outputs) = (shape.dropLast(2), shape[shape.count - 2], shape[shape.count - 1])
      let positions = kernel.reduce(1, *)
      let stored = (0..<values.count).map { index in
        let (output, rest) = index.quotientAndRemainder(dividingBy: inputs * positions)
        let (input, position) = rest.quotientAndRemainder(dividingBy: positions)
        return values[(position * inputs + input) * outputs + output]
      }
      return SafetensorsSource(name, shape: [outputs, inputs] + kernel, stored)
    }
    try SafetensorsFile.write(sources, to: path)
  }
}

@Suite struct InitialWeightsTests {
  private static func executor(_ kind: Configuration.Model.Kind, seed: UInt64, hidden: [Int] = [8]) throws
    -> Executor
  {
    var model = Configuration.Model(
      kind: kind, layers: 2, heads: 2, width: 16, context: 12, channels: [4, 6])
    if kind == .tabular || kind == .mlp { model.hidden = hidden }
    let configuration = Configuration(
      seed: seed, model: model, data: .init(source: .digits),
      training: .init(batch: 2, microbatch: 2, steps: 1))
    let data = kind == .mlp ? Digits.split() : SyntheticData.samples(12, for: model)
    let network = try Trainer.network(configuration, data: data)
    return Executor(network.graph, pool: ThreadPool(threads: 1), seed: seed)
  }

  private func problem(_ executor: Executor, _ configuration: Configuration.InitialWeights) -> String {
    let before = executor.weightsSHA256
    defer { #expect(executor.weightsSHA256 == before, "nothing is written when something is wrong") }
    do {
      _ = try executor.graph.load(configuration, into: executor.parameters)
      return "no error"
    } catch {
      #expect(!"\(error)".contains("\n"))
      return "\(error)"
    }
  }

  @Test(
    arguments: [.mlp, .lenet, .resnet20, .gpt, .encoder, .conv1d, .tabular] as [Configuration.Model.Kind])
  func everyModelTakesItsWeightsFromItsFileAndFromOneOfPyTorch(kind: Configuration.Model.Kind) throws {
    let source = try Self.executor(kind, seed: 3)
    for (index, parameter) in source.graph.parameters.enumerated() {
      // Biases and statistics are constants at first, and these would come from anywhere.
      for element in source.parameters[parameter.range].indices {
        source.parameters[parameter.range][element] += Float(index) + Float(element) / 1_024
      }
    }
    let weights = try Weights()
    try weights.write(source)
    let same = try Self.executor(kind, seed: 4)
    #expect(same.weightsSHA256 != source.weightsSHA256)
    #expect(try same.graph.load(.init(path: weights.path), into: same.parameters) == [])
    #expect(same.weightsSHA256 == source.weightsSHA256)
    try weights.write(source, asPyTorch: true) {
      "model.\($0.replacing("runningMean", with: "running_mean"))"
    }
    let other = try Self.executor(kind, seed: 4)
    let rules = ["model.*.running_mean=*.runningMean", "model.="]
    #expect(
      try other.graph.load(.init(path: weights.folder, map: rules, transpose: true), into: other.parameters)
        == [])
    #expect(other.weightsSHA256 == source.weightsSHA256)
  }

  @Test func withoutAFileNothingChanges() throws {
    let executor = try Self.executor(.mlp, seed: 1)
    let before = executor.weightsSHA256
    #expect(try executor.graph.load(.init(), into: executor.parameters) == [])
    #expect(executor.weightsSHA256 == before)
  }

  @Test func whatIsMissingIsAnErrorOrStaysInitialised() throws {
    let (weights, source) = (try Weights(), try Self.executor(.mlp, seed: 1))
    try weights.write(source) { $0.hasPrefix("output") ? nil : $0 }
    let executor = try Self.executor(.mlp, seed: 2)
    #expect(
      problem(executor, .init(path: weights.path))
        == "\(weights.path): parameter \"output.weight\" has no tensor there: set training.initial_weights.missing to initialize; "
        + "parameter \"output.bias\" has no tensor there: set training.initial_weights.missing to initialize")
    let before = executor.graph.parameters.map { executor.values(of: $0) }
    #expect(
      try executor.graph.load(.init(path: weights.path, missing: .initialize), into: executor.parameters) == [
        "\(weights.path): initialised without it: output.weight, output.bias"
      ])
    for (index, parameter) in executor.graph.parameters.enumerated() {
      let expected = parameter.name.hasPrefix("output") ? before[index] : source.values(of: parameter)
      #expect(executor.values(of: parameter) == expected)
    }
  }

  @Test func aNameThatIsNearIsSuggested() throws {
    let (weights, source) = (try Weights(), try Self.executor(.mlp, seed: 1))
    try weights.write(source) { $0.replacing("hidden.0", with: "hiden.0") }
    let executor = try Self.executor(.mlp, seed: 2)
    #expect(
      problem(executor, .init(path: weights.path)).contains(
        "parameter \"hidden.0.weight\" has no tensor there: did you mean \"hiden.0.weight\"? Rename it in "
          + "training.initial_weights.map"))
    #expect(
      try executor.graph.load(.init(path: weights.path, map: ["hiden.=hidden."]), into: executor.parameters)
        == [])
    try weights.write(source) { "module.net.\($0)" }
    #expect(problem(executor, .init(path: weights.path)).contains("unused are \"module.net."))
    // What is left over is no error.
    try weights.write(source) { $0 }
    let notes = try executor.graph.load(
      .init(path: weights.path, map: ["output.=old."], missing: .initialize), into: executor.parameters)
    #expect(
      notes == [
        "\(weights.path): initialised without it: output.weight, output.bias",
        "\(weights.path): not used: output.bias, output.weight",
      ])
  }

  @Test func anotherShapeIsAnErrorWhateverIsDoneAboutMissingOnes() throws {
    let weights = try Weights()
    try weights.write(try Self.executor(.mlp, seed: 1, hidden: [9]))
    let executor = try Self.executor(.mlp, seed: 2)
    let problem = problem(executor, .init(path: weights.path, missing: .initialize))
    #expect(
      problem.contains(
        "tensor \"hidden.0.weight\" has shape [64, 9], expected [64, 8]; to leave it out, rename it in "
          + "training.initial_weights.map and set training.initial_weights.missing to initialize"))
    try weights.write(try Self.executor(.mlp, seed: 1), asPyTorch: true)
    #expect(
      self.problem(executor, .init(path: weights.path)).contains(
        "tensor \"hidden.0.weight\" has shape [8, 64], expected [64, 8]: it fits the other way round, see "
          + "training.initial_weights.transpose"))
  }

  @Test(arguments: [Float.nan, -.infinity]) func valuesThatAreNotFiniteAreNamed(value: Float) throws {
    let (weights, source) = (try Weights(), try Self.executor(.mlp, seed: 1))
    let bias = try #require(source.graph.parameters.first { $0.name == "output.bias" })
    source.parameters[bias.range][0] = value
    try weights.write(source)
    let executor = try Self.executor(.mlp, seed: 2)
    let error = #expect(throws: ConfigurationError.self) {
      try executor.graph.load(.init(path: weights.path), into: executor.parameters)
    }
    #expect(
      error?.description == "\(weights.path): tensor \"output.bias\" has values that are not finite")
  }

  @Test func aMissingFileIsNamed() throws {
    let executor = try Self.executor(.mlp, seed: 2)
    #expect(problem(executor, .init(path: "/no/such")).hasPrefix("/no/such: the file cannot be opened"))
    #expect(problem(executor, .init(path: "/tmp/..")).hasPrefix("/tmp/../model.safetensors: "))
  }

  @Test func theConfigurationReadsAndChecksTheKeys() throws {
    let overrides = [
      "training.initial_weights.path=a.safetensors",
      "training.initial_weights.map=[\"h.*=blocks.*\", \"a.=\"]",
      "training.initial_weights.transpose=true", "training.initial_weights.missing=initialize",
    ]
    let configuration = try Configuration(yaml: smallConfiguration, overrides: overrides)
    #expect(
      configuration.training.initialWeights
        == .init(path: "a.safetensors", map: ["h.*=blocks.*", "a.="], transpose: true, missing: .initialize))
    #expect(try Configuration(yaml: configuration.resolvedYAML, file: "config.yaml") == configuration)
    for (override, expected) in [
      (
        "training.initial_weights.transpose=true",
        "training.initial_weights.transpose: it belongs to a file, and training.initial_weights.path is not given; remove it"
      ),
      (
        "training.initial_weights={path: a, map: [encoder.]}",
        "training.initial_weights.map: encoder.: expected FROM=TO such as encoder.=blocks."
      ),
      (
        "training.initial_weights={path: a, missing: ignore}",
        "training.initial_weights.missing: expected one of error, initialize, found \"ignore\""
      ),
    ] {
      let error = #expect(throws: ConfigurationError.self) {
        try Configuration(yaml: smallConfiguration, overrides: [override])
      }
      #expect(error?.description == "--set \(override): \(expected)")
    }
  }
}
