import Datasets
import NeuralNetwork

extension Configuration {
  /// Checks what can be checked without data and ranks: ranges, keys without a meaning, and values that contradict each
  /// other. A configuration that was read from YAML has passed this.
  public func validate() throws(ConfigurationError) {
    if let fault = firstFault { throw ConfigurationError("\(fault.key): \(fault.problem)") }
  }

  /// Checks that this configuration can be trained by so many ranks.
  ///
  /// - Throws: when there are more ranks than microbatches of a step, and when gradients cannot travel as it says.
  public func validate(ranks: Int) throws(ConfigurationError) {
    if let fault = communicationFault { throw ConfigurationError("\(fault.key): \(fault.problem)") }
    let count = training.microbatchCount
    guard ranks > count else { return }
    let batch = training.batch
    let plural = count == 1 ? "1 microbatch" : "\(count) microbatches"
    var options = ["run at most \(count) \(count == 1 ? "rank" : "ranks")"]
    let enough = (1...training.microbatch).last { batch.isMultiple(of: $0) && batch / $0 >= ranks }
    if let enough { options.append("set training.microbatch to \(enough)") }
    options.append("set training.batch to at least \(ranks * training.microbatch)")
    throw ConfigurationError(
      "\(ranks) ranks cannot share the \(plural) of a step (training.batch \(batch) / training.microbatch "
        + "\(training.microbatch)): \(options.joined(separator: ", or "))")
  }

  /// The first thing that is wrong, and the key whose value is to blame.
  var firstFault: (key: String, problem: String)? {
    for key in Self.keys {
      if !key.isValid(self) { return (key.name, "expected \(key.expected)") }
      if let reason = key.isOutOfPlace(self), !key.isDefault(self) {
        return (key.name, "\(reason); remove it")
      }
    }
    if name.contains("/")
      || name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
    {
      return (
        "name", "expected one without slashes and control characters, as a run directory is called by it"
      )
    }
    return modelFault ?? dataFault ?? trainingFault ?? communicationFault
  }

  private var modelFault: (key: String, problem: String)? {
    if model.kind == .mlp, model.hidden.isEmpty {
      return (
        "model.hidden",
        "an mlp has at least one hidden layer, such as [256, 128]; model.kind logistic or linear has none"
      )
    }
    if model.kind == .conv1d, model.channels.isEmpty {
      return ("model.channels", "a conv1d has at least one convolution, such as [32, 64]")
    }
    if model.kind.isTransformer, !model.width.isMultiple(of: model.heads) {
      return ("model.heads", "\(model.heads) heads do not divide model.width, \(model.width)")
    }
    return nil
  }

  private var dataFault: (key: String, problem: String)? {
    if data.source == nil, data.path == nil {
      return ("data", "expected a built-in (source: digits) or a file (path: FILE.csv, label: COLUMN)")
    }
    if data.source != nil, data.path != nil {
      return ("data.path", "data.source is given too; remove one of them")
    }
    if data.path != nil, data.format == .csv, data.label == nil {
      return ("data.label", "a file needs the name of the column that holds the labels")
    }
    let format = data.path == nil ? nil : data.format
    switch model.kind {
    case .gpt where format != .text:
      return ("model.kind", "a gpt is trained on a text (data.path with data.format: text)")
    case .encoder where format != .sequences:
      return ("model.kind", "an encoder is trained on sequences (data.path with data.format: sequences)")
    case .lenet, .resnet18, .resnet20, .resnet32, .resnet56:
      if format != .idx, data.source != .digits {
        return (
          "model.kind", "a \(model.kind.rawValue) is trained on images (data.path with data.format: idx)"
        )
      }
    case .mlp, .linear, .logistic:
      if format == .text || format == .sequences {
        return (
          "model.kind",
          "a model \(model.kind.rawValue) takes numbers, and the data are letters; use \(format == .text ? "gpt" : "encoder or conv1d")"
        )
      }
    default: break
    }
    if format == .text, model.kind != .gpt {
      return ("data.format", "a text is for a model that predicts the next token, model.kind: gpt")
    }
    if !data.categorical.isEmpty, model.kind != .tabular {
      return (
        "data.categorical", "categories are for model.kind: tabular; leave the columns numbers, or use it"
      )
    }
    if model.kind == .linear, data.source == .digits || data.task == .classification {
      return ("model.kind", "a linear model predicts values, and the labels are classes; use logistic or mlp")
    }
    if model.kind == .logistic, data.task == .regression {
      return ("model.kind", "a logistic model predicts classes, and the labels are values; use linear or mlp")
    }
    return nil
  }

  private var trainingFault: (key: String, problem: String)? {
    if !training.batch.isMultiple(of: training.microbatch) {
      return (
        "training.microbatch",
        "\(training.microbatch) does not divide training.batch, \(training.batch); "
          + "\(nearestDivisors(of: training.batch, to: training.microbatch)) would"
      )
    }
    if training.epochs == nil, training.steps == nil {
      return ("training.epochs", "expected one of training.epochs and training.steps")
    }
    if training.epochs != nil, training.steps != nil {
      return ("training.steps", "training.epochs is given too; remove one of them")
    }
    if training.optimizer.nesterov, training.optimizer.momentum == 0 {
      return ("training.optimizer.nesterov", "it needs a momentum above 0, such as 0.9")
    }
    if training.clipNorm != nil, training.clipValue != nil {
      return ("training.clip_value", "training.clip_norm is given too; remove one of them")
    }
    if training.schedule.kind == .step, training.schedule.everySteps == nil {
      return (
        "training.schedule.every_steps",
        "a schedule in steps needs the number of optimizer steps from one to the next"
      )
    }
    if let fault = training.initialWeights.mapFault { return ("training.initial_weights.map", fault) }
    if let steps = training.steps { return warmupFault(totalSteps: steps) }
    return nil
  }

  private func warmupFault(totalSteps: Int) -> (key: String, problem: String)? {
    guard training.schedule.warmupSteps > totalSteps else { return nil }
    return (
      "training.schedule.warmup_steps",
      "a warm-up of \(training.schedule.warmupSteps) steps is longer than the run of \(totalSteps)"
    )
  }

  /// What is doubtful about a run of epochs, whose steps are known with its data; nil where nothing is.
  func doubt(_ data: DatasetSplit) -> String? {
    warmupFault(totalSteps: totalSteps(trainingSamples: data.train.count)).map { "\($0.key): \($0.problem)" }
  }

  /// Checks what depends on the data and the model: metrics of evaluations, names of parameters.
  func validate(_ network: Network, _ data: DatasetSplit) throws(ConfigurationError) {
    let metrics = MetricCheck(network, heldOut: data.test)
    if training.earlyStopping.patience != nil {
      try metrics.check(
        training.earlyStopping.metric, "training.early_stopping.metric",
        neededFor: "training.early_stopping.patience")
    }
    if let metric = checkpoint.best {
      try metrics.check(metric, "checkpoint.best", neededFor: "checkpoint.best")
    }
    _ = try ReadyMade.groups(network.graph, training.optimizer)
  }

  private var communicationFault: (key: String, problem: String)? {
    let algorithm = communication.algorithm
    if training.reproducible {
      guard [.auto, .shared, .tree, .twoLevel].contains(algorithm) else {
        return (
          "communication.algorithm",
          "\(algorithm.rawValue) adds in an order that depends on the number of ranks; set it to auto, or training.reproducible to false"
        )
      }
    } else if algorithm == .tree {
      return (
        "communication.algorithm",
        "tree keeps the order of additions of training.reproducible: true; set that, or this to auto"
      )
    }
    if let fault = shardedFault { return fault }
    guard communication.wire != .float32 else { return nil }
    if algorithm == .mpi {
      return (
        "communication.wire",
        "MPI_Allreduce sends gradients as they are; with communication.algorithm: mpi set it to float32, or choose another "
          + "algorithm"
      )
    }
    if training.reproducible {
      return (
        "communication.wire",
        "\(communication.wire) rounds what travels, so the bits of the weights depend on the number of ranks; set "
          + "training.reproducible to false, or it to float32"
      )
    }
    return nil
  }

  /// What cannot be done with a share of the optimizer's state on each rank.
  private var shardedFault: (key: String, problem: String)? {
    guard training.optimizer.sharded else { return nil }
    let remedy = "or set training.optimizer.sharded to false"
    if communication.wire != .float32 {
      return (
        "communication.wire", "parameters of a sharded run travel as they are; set it to float32, \(remedy)"
      )
    }
    guard [.auto, .shared, .tree, .ring, .direct].contains(communication.algorithm) else {
      let algorithm = communication.algorithm.rawValue
      let reason =
        communication.algorithm == .twoLevel
        ? "two-level has the optimizer's state once on every host, not once in all"
        : "\(algorithm) is no way to give each rank its share of a sum"
      return ("communication.algorithm", "\(reason); set it to auto, ring or direct, \(remedy)")
    }
    return nil
  }

  private func nearestDivisors(of batch: Int, to microbatch: Int) -> String {
    let below = (1...min(microbatch, batch)).last { batch.isMultiple(of: $0) } ?? 1
    let above = (min(microbatch, batch)...batch).first { batch.isMultiple(of: $0) } ?? batch
    return below == above ? "\(below)" : "\(below) or \(above)"
  }
}
