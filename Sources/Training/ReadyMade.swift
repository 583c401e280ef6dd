import Datasets
import Graph
import Kernels
import NeuralNetwork
import Optimizers

/// What a configuration names, made: network, optimizer.
enum ReadyMade {
  static func network(
    _ configuration: Configuration, data: Dataset, model: ((Tensor) -> Tensor)?
  ) throws(ShapeError) -> Network {
    let task: NeuralNetwork.Task =
      if let classes = data.classNames { .classification(classes: classes.count) } else {
        .regression(outputs: 1)
      }
    let description = configuration.model
    let activation: Kernels.Activation =
      switch description.activation {
      case .relu: .relu
      case .tanh: .tanh
      case .gelu: .gelu
      }
    let readyMade = MultilayerPerceptron(
      hidden: description.kind == .mlp ? description.hidden : [], outputs: task.outputs,
      activation: activation, dropout: Float(description.dropout))
    return try Network(
      microbatch: configuration.training.microbatch, featureCount: data.featureCount, task: task,
      model: model ?? readyMade.callAsFunction)
  }

  static func optimizer(_ description: Configuration.Optimizer) -> any Optimizer {
    switch description.kind {
    case .sgd:
      SGD(
        momentum: description.momentum, nesterov: description.nesterov, weightDecay: description.weightDecay)
    case .adamw:
      AdamW(
        beta1: description.beta1, beta2: description.beta2, epsilon: description.epsilon,
        weightDecay: description.weightDecay)
    }
  }
}
