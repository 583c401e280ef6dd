import Datasets
import Graph
import Kernels
import NeuralNetwork

/// What a configuration names, made: the network here, what trains it in the next files.
enum ReadyMade {
  /// - Parameter model: from numbers [microbatch, features], or codes where the data have no numbers; nil for the model that the
  ///   configuration names.
  static func network(
    _ configuration: Configuration, data: Dataset, model: ((Tensor) -> Tensor)?, forTraining: Bool = true
  ) throws(ShapeError) -> Network {
    let microbatch = configuration.training.microbatch
    let task = task(configuration.model, data)
    let loss = loss(configuration.training.loss, task, data)
    if let model {
      return try Network(
        microbatch: microbatch,
        sample: .init(
          numbers: data.numbers.map { [$0.width] },
          codes: data.numbers == nil ? data.codes.map { Shape($0.shape) } : nil), task: task, loss: loss,
        forTraining: forTraining
      ) { inputs in model(inputs.features) }
    }
    let sample = try sampleShape(configuration.model, data)
    if let given = configuration.model.vocabulary, given < vocabulary(configuration.model, data) {
      throw ShapeError(
        "expected at least \(vocabulary(configuration.model, data)), the codes of the data, found \(given)",
        place: "model.vocabulary")
    }
    return try Network(
      microbatch: microbatch, sample: sample, task: task, loss: loss, forTraining: forTraining
    ) { inputs in
      output(configuration.model, data, task, inputs)
    }
  }

  private static func task(_ model: Configuration.Model, _ data: Dataset) -> NeuralNetwork.Task {
    switch data.labels {
    case .classes(_, let names): .classification(classes: names.count)
    case .values: .regression(outputs: 1)
    case .nextTokens: .nextToken(vocabulary: vocabulary(model, data))
    }
  }

  private static func vocabulary(_ model: Configuration.Model, _ data: Dataset) -> Int {
    max(model.vocabulary ?? 0, data.codes?.vocabularies.map(\.count).max() ?? 0)
  }

  /// What a model is given of the data, and in which shape.
  private static func sampleShape(
    _ model: Configuration.Model, _ data: Dataset
  ) throws(ShapeError) -> Network.SampleShape {
    let place = "model.kind: \(model.kind.rawValue)"
    let numbers = data.numbers.map { Shape($0.shape) }
    let codes = data.codes.map { Shape($0.shape) }
    switch model.kind {
    case .mlp, .linear, .logistic:
      guard let numbers else { throw ShapeError("expected numbers, and the data are codes", place: place) }
      return .init(numbers: [numbers.count])
    case .lenet, .resnet20, .resnet32, .resnet56, .resnet18:
      guard let numbers else { throw ShapeError("expected images, and the data are codes", place: place) }
      // The digits come as rows of a table.
      let side = Int(Double(numbers.count).squareRoot())
      if numbers.rank == 1, side * side == numbers.count { return .init(numbers: [side, side, 1]) }
      guard numbers.rank == 3 else {
        throw ShapeError("expected images [height, width, channels], found samples \(numbers)", place: place)
      }
      return .init(numbers: numbers)
    case .gpt:
      guard let codes else { throw ShapeError("expected tokens, and the data are numbers", place: place) }
      return .init(codes: codes)
    case .encoder:
      guard let codes else { throw ShapeError("expected tokens, and the data are numbers", place: place) }
      return .init(codes: codes, hasLengths: true)
    case .conv1d:
      if let codes { return .init(codes: codes) }
      guard let numbers else { throw ShapeError("expected signals or sequences", place: place) }
      return .init(numbers: numbers.rank == 1 ? [numbers[0], 1] : numbers)
    case .tabular:
      return .init(numbers: numbers, codes: codes)
    }
  }

  private static func output(
    _ model: Configuration.Model, _ data: Dataset, _ task: NeuralNetwork.Task, _ inputs: Network.Inputs
  ) -> Tensor {
    let activation: Kernels.Activation =
      switch model.activation {
      case .relu: .relu
      case .tanh: .tanh
      case .gelu: .gelu
      case .sigmoid: .sigmoid
      case .silu: .silu
      case .leakyRelu: .leakyRelu
      }
    let dropout = Float(model.dropout)
    switch model.kind {
    case .gpt:
      let gpt = GPT(
        layers: model.layers, heads: model.heads, width: model.width, context: data.sampleShape[0],
        vocabulary: task.outputs, dropout: dropout, tiesHead: model.tieHead,
        recomputation: model.recompute ? .blocks : .elementwise)
      return gpt(inputs.features)
    case .encoder:
      let encoder = Encoder(
        layers: model.layers, heads: model.heads, width: model.width, context: data.sampleShape[0],
        vocabulary: vocabulary(model, data), outputs: task.outputs, dropout: dropout)
      return encoder(inputs.features, lengths: inputs.lengths)
    case .lenet: return LeNet(classes: task.outputs)(inputs.features)
    case .resnet20: return ResNet(layers: 20, classes: task.outputs)(inputs.features)
    case .resnet32: return ResNet(layers: 32, classes: task.outputs)(inputs.features)
    case .resnet56: return ResNet(layers: 56, classes: task.outputs)(inputs.features)
    case .resnet18: return ResNet18(classes: task.outputs)(inputs.features)
    case .conv1d:
      let convolutions = Conv1DNet(channels: model.channels, outputs: task.outputs)
      guard let codes = inputs.codes else { return convolutions(inputs.features) }
      let width = model.channels.first ?? 1
      return convolutions(Embedding("embedding", rows: vocabulary(model, data), width: width)(codes))
    case .tabular:
      guard let codes = inputs.codes else { break }
      let tabular = Tabular(
        cardinalities: data.codes?.vocabularies.map(\.count) ?? [], hidden: model.hidden,
        outputs: task.outputs, activation: activation, dropout: dropout)
      return tabular(features: inputs.numbers, codes: codes)
    default: break
    }
    let perceptron = MultilayerPerceptron(
      hidden: model.hidden, outputs: task.outputs, activation: activation, dropout: dropout)
    return perceptron(inputs.features)
  }
}
