import BLAS
import Collectives
import Datasets
import Graph
import Kernels
import Logging
import MPI
import NeuralNetwork
import Optimizers

/// What a configuration names, made: network, optimizer, algorithm.
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

  /// `auto`: shared memory where all ranks are on one host and it has room for their gradients, else the ring. Collective.
  static func reduction(
    _ choice: Configuration.Communication.Algorithm, count: Int, pool: ThreadPool,
    world: borrowing Communicator
  ) throws(MPIError) -> ReductionWay {
    switch choice {
    case .ring: return .messages(.ring)
    case .mpi: return .messages(.mpi)
    case .auto:
      let host = try world.splitByHost()
      let needed = SharedArenas.bytes(count: count, commonCount: count, ranks: host.size)
      let isOneHost = host.size == world.size
      let fits = isOneHost && needed < freeSharedMemoryBytes() / 10 * 9
      guard world.size > 1, try world.allreduce(fits ? 1 : 0, .minimum) == 1 else {
        if world.size > 1, isOneHost, world.rank == 0 {
          Logger(label: "rondo.training").warning(
            "/dev/shm has no room for gradients of \(needed) bytes; they go round a ring, which is slower: make it larger"
          )
        }
        return .messages(.ring)
      }
      let arenas = try SharedArenas(count: count, commonCount: count, on: host)
      return .shared(SharedAllreduce(arenas) { count, body in pool.run(over: count, grain: 1 << 14, body) })
    }
  }
}
