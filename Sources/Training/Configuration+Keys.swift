extension Configuration {
  /// Every key there is, in the order in which a configuration is written. Reading, writing, overrides, the check of ranges
  /// and the search for misspelt names all go by this table: a new key is one line here and one property.
  static let keys: [ConfigurationKey] = [
    .init("name", \.name, .text),
    .init("seed", \.seed, .seed),

    .init("model.kind", \.model.kind, .choice),
    .init("model.hidden", \.model.hidden, .list(.whole(from: 1, toPowerOf2: 24)), only: perceptron),
    .init("model.activation", \.model.activation, .choice, only: perceptron),
    .init(
      "model.dropout", \.model.dropout, .number("from 0 to 0.99") { 0 <= $0 && $0 <= 0.99 },
      only: models([.mlp, .tabular, .gpt, .encoder])),
    .init("model.layers", \.model.layers, .whole(from: 1, toPowerOf2: 12), only: transformer),
    .init("model.heads", \.model.heads, .whole(from: 1, toPowerOf2: 12), only: transformer),
    .init("model.width", \.model.width, .whole(from: 1, toPowerOf2: 20), only: transformer),
    .init("model.context", \.model.context, .whole(from: 1, toPowerOf2: 20), only: models([.gpt])),
    .init(
      "model.vocabulary", \.model.vocabulary, .optional(.whole(from: 2, toPowerOf2: 24)), only: transformer),
    .init("model.tie_head", \.model.tieHead, .flag, only: models([.gpt])),
    .init("model.recompute", \.model.recompute, .flag, only: models([.gpt])),
    .init(
      "model.channels", \.model.channels, .list(.whole(from: 1, toPowerOf2: 16)), only: models([.conv1d])),

    .init("data.source", \.data.source, .optional(.choice)),
    .init("data.path", \.data.path, .optional(.text)),
    .init("data.format", \.data.format, .choice, only: file),
    .init("data.label", \.data.label, .optional(.text), only: formats([.csv, .sequences])),
    .init("data.task", \.data.task, .choice, only: formats([.csv, .sequences])),
    .init(
      "data.categorical", \.data.categorical, .list(.text, such: "[country, weekday]"), only: formats([.csv])),
    .init("data.alphabet", \.data.alphabet, .choice, only: formats([.sequences])),
    .init("data.length", \.data.length, .optional(.whole(from: 1)), only: formats([.sequences])),
    .init("data.truncate", \.data.truncate, .flag, only: formats([.sequences])),
    .init("data.standardize", \.data.standardize, .flag),
    .init(
      "data.test_fraction", \.data.testFraction, .number("from 0 to below 1") { 0 <= $0 && $0 < 1 },
      only: fileToSplit),
    .init("data.test_path", \.data.testPath, .optional(.text), only: formats([.csv, .text, .sequences])),

    .init("training.batch", \.training.batch, .whole(from: 1)),
    .init("training.microbatch", \.training.microbatch, .whole(from: 1)),
    .init("training.epochs", \.training.epochs, .optional(.whole(from: 1))),
    .init("training.steps", \.training.steps, .optional(.whole(from: 1))),
    .init("training.reproducible", \.training.reproducible, .flag),
    .init("training.evaluate_every_epochs", \.training.evaluateEveryEpochs, .whole(from: 0)),
    .init("training.log_every_steps", \.training.logEverySteps, .whole(from: 1)),

    .init("training.clip_norm", \.training.clipNorm, .optional(.float("above 0") { $0 > 0 })),
    .init("training.clip_value", \.training.clipValue, .optional(.float("above 0") { $0 > 0 })),
    .init(
      "training.ema_decay", \.training.emaDecay,
      .optional(.float("above 0 and below 1") { 0 < $0 && $0 < 1 })),
    .init("training.initial_weights.path", \.training.initialWeights.path, .optional(.text)),
    .init(
      "training.initial_weights.map", \.training.initialWeights.map, .list(.text, such: #"["model.="]"#),
      only: warmStart),
    .init("training.initial_weights.transpose", \.training.initialWeights.transpose, .flag, only: warmStart),
    .init("training.initial_weights.missing", \.training.initialWeights.missing, .choice, only: warmStart),
    .init(
      "training.early_stopping.patience", \.training.earlyStopping.patience, .optional(.whole(from: 1)),
      only: evaluations),
    .init("training.early_stopping.metric", \.training.earlyStopping.metric, .choice, only: earlyStopping),
    .init(
      "training.early_stopping.min_delta", \.training.earlyStopping.minDelta,
      .number("of at least 0") { $0 >= 0 }, only: earlyStopping),

    .init("training.loss.kind", \.training.loss.kind, .choice),
    .init(
      "training.loss.label_smoothing", \.training.loss.labelSmoothing, .belowOne,
      only: losses([.auto, .crossEntropy])),
    .init(
      "training.loss.class_weights", \.training.loss.classWeights, .optional(.classWeights),
      only: losses([.auto, .crossEntropy])),
    .init(
      "training.loss.gamma", \.training.loss.gamma, .float("of at least 0") { $0 >= 0 },
      only: losses([.focal])),
    .init(
      "training.loss.alpha", \.training.loss.alpha, .float("from 0 to 1") { 0 <= $0 && $0 <= 1 },
      only: losses([.focal])),
    .init(
      "training.loss.delta", \.training.loss.delta, .float("above 0") { $0 > 0 }, only: losses([.huber])),

    .init("training.optimizer.kind", \.training.optimizer.kind, .choice),
    .init(
      "training.optimizer.learning_rate", \.training.optimizer.learningRate, .float("above 0") { $0 > 0 }),
    .init(
      "training.optimizer.scale_with_batch", \.training.optimizer.scaleWithBatch,
      .optional(.whole(from: 1))),
    .init(
      "training.optimizer.momentum", \.training.optimizer.momentum, .belowOne,
      only: optimizers([.sgd, .rmsprop, .lars])),
    .init("training.optimizer.nesterov", \.training.optimizer.nesterov, .flag, only: optimizers([.sgd])),
    .init(
      "training.optimizer.weight_decay", \.training.optimizer.weightDecay,
      .float("of at least 0") { $0 >= 0 }),
    .init("training.optimizer.decay", \.training.optimizer.decay, .choice),
    .init(
      "training.optimizer.frozen", \.training.optimizer.frozen, .list(.parameterPattern, such: "[blocks.0.*]")
    ),
    .init("training.optimizer.sharded", \.training.optimizer.sharded, .flag),
    .init("training.optimizer.alpha", \.training.optimizer.alpha, .belowOne, only: optimizers([.rmsprop])),
    .init(
      "training.optimizer.beta1", \.training.optimizer.beta1, .belowOne,
      only: optimizers([.adam, .adamw, .lamb, .lion])),
    .init(
      "training.optimizer.beta2", \.training.optimizer.beta2, .belowOne,
      only: optimizers([.adam, .adamw, .lamb, .lion])),
    .init(
      "training.optimizer.epsilon", \.training.optimizer.epsilon, .float("above 0") { $0 > 0 },
      only: optimizers([.rmsprop, .adagrad, .adam, .adamw, .lamb])),
    .init(
      "training.optimizer.trust_coefficient", \.training.optimizer.trustCoefficient,
      .float("above 0") { $0 > 0 }, only: optimizers([.lars])),

    .init("training.schedule.kind", \.training.schedule.kind, .choice),
    .init("training.schedule.warmup_steps", \.training.schedule.warmupSteps, .whole(from: 0)),
    .init(
      "training.schedule.every_steps", \.training.schedule.everySteps, .optional(.whole(from: 1)),
      only: schedules([.step])),
    .init(
      "training.schedule.gamma", \.training.schedule.gamma, .number("above 0") { $0 > 0 },
      only: schedules([.step])),
    .init(
      "training.schedule.pct_start", \.training.schedule.pctStart,
      .number("from 0 to 1") { 0 <= $0 && $0 <= 1 }, only: cycleWithoutWarmup),
    .init(
      "training.schedule.div_factor", \.training.schedule.divFactor, .number("of at least 1") { $0 >= 1 },
      only: schedules([.oneCycle])),
    .init(
      "training.schedule.final_div_factor", \.training.schedule.finalDivFactor,
      .number("of at least 1") { $0 >= 1 }, only: schedules([.oneCycle])),
    .init(
      "training.schedule.decay_fraction", \.training.schedule.decayFraction,
      .number("above 0 and at most 1") { 0 < $0 && $0 <= 1 }, only: schedules([.warmupStableDecay])),

    .init("communication.algorithm", \.communication.algorithm, .choice),
    .init("communication.profile", \.communication.profile, .optional(.text)),
    .init("communication.bucket_bytes", \.communication.bucketBytes, .bytes(from: 64)),
    .init("communication.wire", \.communication.wire, .choice),
    .init("communication.overlap", \.communication.overlap, .flag),
    .init(
      "communication.early_update_bytes", \.communication.earlyUpdateBytes, .optional(.bytes(from: 0))),
    .init("communication.check", \.communication.check, .flag),
    .init("communication.warn_after_seconds", \.communication.warnAfterSeconds, .whole(from: 0)),
    .init("communication.abort_after_seconds", \.communication.abortAfterSeconds, .whole(from: 0)),

    .init("checkpoint.every_steps", \.checkpoint.everySteps, .whole(from: 0)),
    .init("checkpoint.every_minutes", \.checkpoint.everyMinutes, .number("of at least 0") { $0 >= 0 }),
    .init("checkpoint.keep", \.checkpoint.keep, .whole(from: 1)),
    .init("checkpoint.best", \.checkpoint.best, .optional(.choice)),
    .init("checkpoint.survive", \.checkpoint.survive, .flag),
    .init("checkpoint.neighbour_copy", \.checkpoint.neighbourCopy, .choice, only: shards),
  ]

  /// Names that a user may expect and that this version does not know, with what to do. A name stands for all below it.
  static let unsupportedKeys: [(name: String, problem: String)] = [
    ("threads", "the number of threads is no part of a configuration; use the flag --threads"),
    ("ranks", "the number of ranks is no part of a configuration; use mpirun -n"),
  ]

  /// Of two keys of which one rules out the other, an override of one takes the place of the other.
  static let alternatives: [(String, String)] = [
    ("data.source", "data.path"), ("training.epochs", "training.steps"),
    ("training.clip_norm", "training.clip_value"),
  ]

  private static let perceptron = models([.mlp, .tabular])
  private static let transformer = models([.gpt, .encoder])
  private static let cycleWithoutWarmup = schedules([.oneCycle]).unless(
    { $0.training.schedule.warmupSteps > 0 }, "training.schedule.warmup_steps says how long the rise is")
  private static let warmStart = ConfigurationKey.Condition.unless(
    { $0.training.initialWeights.path == nil },
    "it belongs to a file, and training.initial_weights.path is not given")
  private static let shards = ConfigurationKey.Condition.unless(
    { !$0.training.optimizer.sharded || !$0.checkpoint.survive },
    "it is about shares of a state that survives (training.optimizer.sharded: true with checkpoint.survive: true)"
  )
  private static let evaluations = ConfigurationKey.Condition.unless(
    { $0.training.evaluateEveryEpochs == 0 },
    "it counts evaluations, and training.evaluate_every_epochs: 0 has none before the end")
  private static let earlyStopping = ConfigurationKey.Condition.unless(
    { $0.training.earlyStopping.patience == nil },
    "it has no meaning without training.early_stopping.patience")
  private static let file = ConfigurationKey.Condition.unless(
    { $0.data.path == nil }, "it belongs to a file, and data.path is not given")
  private static let fileToSplit = ConfigurationKey.Condition.unless(
    { $0.data.path == nil || $0.data.testPath != nil || $0.data.format == .idx },
    "it belongs to a file that is split (data.path without data.test_path, and not of format idx)")

  private static func models(_ kinds: [Model.Kind]) -> ConfigurationKey.Condition {
    .with("model.kind", \.model.kind, anyOf: kinds)
  }

  private static func losses(_ kinds: [Loss.Kind]) -> ConfigurationKey.Condition {
    .with("training.loss.kind", \.training.loss.kind, anyOf: kinds)
  }

  private static func optimizers(_ kinds: [Optimizer.Kind]) -> ConfigurationKey.Condition {
    .with("training.optimizer.kind", \.training.optimizer.kind, anyOf: kinds)
  }

  private static func schedules(_ kinds: [Schedule.Kind]) -> ConfigurationKey.Condition {
    .with("training.schedule.kind", \.training.schedule.kind, anyOf: kinds)
  }

  private static func formats(_ formats: [Data.Format]) -> ConfigurationKey.Condition {
    let names = formats.map(\.rawValue).joined(separator: ", ")
    return ConfigurationKey.Condition(key: nil) { configuration in
      if let reason = file.reason(configuration) { return reason }
      let format = configuration.data.format
      if formats.contains(format) { return nil }
      return "it has no meaning with data.format: \(format.rawValue), only with \(names)"
    }
  }
}
