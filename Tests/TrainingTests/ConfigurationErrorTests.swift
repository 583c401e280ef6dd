import Testing

@testable import Training

@Suite struct ConfigurationErrorTests {
  private func problem(_ yaml: String, overrides: [String] = []) -> String {
    do {
      _ = try Configuration(yaml: yaml, overrides: overrides)
      return "no error"
    } catch {
      #expect(error.exitStatus == 2)
      #expect(!error.description.contains("\n"))
      return error.description
    }
  }

  @Test(arguments: [
    (
      "training:\n  optimizer:\n    lerning_rate: 1",
      "config.yaml:3: unknown key \"lerning_rate\" in training.optimizer; did you mean \"learning_rate\"?"
    ),
    ("modle: {}", "config.yaml:1: unknown key \"modle\"; did you mean \"model\"?"),
    ("batch: 3", "config.yaml:1: unknown key \"batch\"; did you mean training.batch?"),
    (
      "kind: mlp",
      "config.yaml:1: unknown key \"kind\"; did you mean model.kind or training.loss.kind or training.optimizer.kind or training.schedule.kind?"
    ),
    (
      "data: { colour: red }",
      "config.yaml:1: unknown key \"colour\" in data; known keys are source, path, format, label, task, categorical, alphabet, length, truncate, standardize, test_fraction, test_path"
    ),
    (
      "seed: 1\nthreads: 4",
      "config.yaml:2: threads: the number of threads is no part of a configuration; use the flag --threads"
    ),
    (
      "threads: 3",
      "config.yaml:1: threads: the number of threads is no part of a configuration; use the flag --threads"
    ),
    ("", "config.yaml: the file is empty; expected a configuration"),
    ("# nothing\n", "config.yaml: the file is empty; expected a configuration"),
    ("just text", "config.yaml: expected sections such as model, data and training, found \"just text\""),
    ("- 1\n- 2", "config.yaml: expected sections such as model, data and training, found [1, 2]"),
    (
      "model: mlp",
      "config.yaml:1: model: expected a section with kind, hidden, activation, dropout, layers, heads, width, context, vocabulary, tie_head, recompute, channels, found \"mlp\""
    ),
    (
      "seed: {a: 1}",
      "config.yaml:1: seed: expected a whole number of at least 0 and below 2^64, found a section"
    ),
    ("seed: 1\nmodel: {kind: a}\nseed: 2", "config.yaml:1: given twice in one section: \"seed\""),
    (
      "name: ../a\ndata: { source: digits }",
      "config.yaml:1: name: expected one without slashes and control characters, as a run directory is called by it"
    ),
    (
      "name: \"a\\0b\"\ndata: { source: digits }",
      "config.yaml:1: name: expected one without slashes and control characters, as a run directory is called by it"
    ),
    (
      "training.batch: 64\ntraining:\n  batch: 32",
      "config.yaml:3: training.batch: given twice, first at config.yaml:1"
    ),
    (
      "\"\": { seed: 1 }",
      "config.yaml:1: expected the name of a key, found \"\""
    ),
    ("? [a]\n: 1", "config.yaml:1: expected the name of a key, found [a]"),
  ])
  func aConfigurationThatIsWrongGetsOneLine(yaml: String, expected: String) {
    #expect(problem(yaml) == expected)
  }

  /// The nearest float is above it.
  @Test func theLargestDropoutIsTaken() {
    #expect(problem(smallConfiguration, overrides: ["model.dropout=0.99"]) == "no error")
  }

  @Test func brokenYAMLNamesTheLine() {
    #expect(problem("seed: 1\nmodel: { kind: mlp\n").hasPrefix("config.yaml:3: the YAML cannot be read: "))
    #expect(problem("seed: 1\n\tmodel: 2\n").hasPrefix("config.yaml:2: the YAML cannot be read: "))
  }

  @Test(arguments: [
    ("training.batch=many", "training.batch: expected a whole number from 1 to 2^31, found \"many\""),
    ("training.batch=0", "training.batch: expected a whole number from 1 to 2^31, found \"0\""),
    ("training.batch=1.5", "training.batch: expected a whole number from 1 to 2^31, found \"1.5\""),
    ("training.batch=~", "training.batch: expected a whole number from 1 to 2^31, found nothing"),
    ("training.batch=[1]", "training.batch: expected a whole number from 1 to 2^31, found [1]"),
    ("seed=-1", "seed: expected a whole number of at least 0 and below 2^64, found \"-1\""),
    (
      "model.kind=mpl",
      "model.kind: expected one of mlp, linear, logistic, lenet, resnet20, resnet32, resnet56, resnet18, gpt, encoder, conv1d, tabular, found \"mpl\"; did you mean \"mlp\"?"
    ),
    (
      "model.hidden=64",
      "model.hidden: expected a list such as [256, 128], each a whole number from 1 to 2^24, found \"64\""
    ),
    (
      "model.hidden=[64, 0]",
      "model.hidden: expected a list such as [256, 128], each a whole number from 1 to 2^24, found [64, 0]"
    ),
    (
      "model.hidden=[]",
      "model.hidden: an mlp has at least one hidden layer, such as [256, 128]; model.kind logistic or linear has none"
    ),
    ("model.dropout=1", "model.dropout: expected a number from 0 to 0.99, found \"1\""),
    (
      "training.optimizer.learning_rate=nan",
      "training.optimizer.learning_rate: expected a number above 0, found \"nan\""
    ),
    (
      "training.optimizer.learning_rate=0x1",
      "training.optimizer.learning_rate: expected a number above 0, found \"0x1\""
    ),
    (
      "training.optimizer.learning_rate=1e999",
      "training.optimizer.learning_rate: expected a number above 0, found \"1e999\""
    ),
    (
      "training.optimizer.epsilon=1e-50",
      "training.optimizer.epsilon: expected a number above 0, found \"1e-50\", which is 0.0 as a 32-bit float"
    ),
    (
      "training.optimizer.beta2=0.99999999999",
      "training.optimizer.beta2: expected a number from 0 to below 1, found \"0.99999999999\", which is 1.0 as a 32-bit float"
    ),
    (
      "training.early_stopping=~",
      "training.early_stopping: expected a section with patience, metric, min_delta, found nothing"
    ),
    ("training.reproducible=yes", "training.reproducible: expected true or false, found \"yes\""),
    (
      "communication.bucket_bytes=25XB",
      "communication.bucket_bytes: expected a size of at least 64 bytes such as 4096, 512KiB or 25MiB, found \"25XB\""
    ),
    (
      "communication.early_update_bytes=-1",
      "communication.early_update_bytes: expected a size such as 0, 512KiB or 25MiB, found \"-1\""
    ),
    (
      "communication.bucket_bytes=9999999999GiB",
      "communication.bucket_bytes: expected a size of at least 64 bytes such as 4096, 512KiB or 25MiB, found \"9999999999GiB\""
    ),
    (
      "communication.wire=bfloat",
      "communication.wire: expected one of float32, bfloat16, found \"bfloat\"; did you mean \"bfloat16\"?"
    ),
    (
      "training.optimizer.momentum=0.9",
      "training.optimizer.momentum: it has no meaning with training.optimizer.kind: adamw, only with sgd, rmsprop, lars; remove it"
    ),
    (
      "training.optimizer.kind=adamm",
      "training.optimizer.kind: expected one of sgd, rmsprop, adagrad, adam, adamw, lars, lamb, lion, found \"adamm\"; did you mean \"adam\"?"
    ),
    (
      "training.optimizer={kind: lion, epsilon: 1e-4}",
      "training.optimizer.epsilon: it has no meaning with training.optimizer.kind: lion, only with rmsprop, adagrad, adam, adamw, lamb; remove it"
    ),
    (
      "training.optimizer={kind: rmsprop, nesterov: true}",
      "training.optimizer.nesterov: it has no meaning with training.optimizer.kind: rmsprop, only with sgd; remove it"
    ),
    (
      "training.optimizer={kind: sgd, nesterov: true}",
      "training.optimizer.nesterov: it needs a momentum above 0, such as 0.9"
    ),
    (
      "training.optimizer.decay=matrice",
      "training.optimizer.decay: expected one of all, matrices, found \"matrice\"; did you mean \"matrices\"?"
    ),
    (
      "training.optimizer.frozen=blocks.0.*",
      "training.optimizer.frozen: expected a list such as [blocks.0.*], each a parameter's name such as head.weight, or a prefix with a star at its end such as blocks.0.*, found \"blocks.0.*\""
    ),
    (
      "training.optimizer.frozen=[blocks.*.weight]",
      "training.optimizer.frozen: expected a list such as [blocks.0.*], each a parameter's name such as head.weight, or a prefix with a star at its end such as blocks.0.*, found [blocks.*.weight]"
    ),
    (
      "training.optimizer.scale_with_batch=0",
      "training.optimizer.scale_with_batch: expected a whole number from 1 to 2^31, found \"0\""
    ),
    (
      "training.loss={kind: huber, gamma: 1}",
      "training.loss.gamma: it has no meaning with training.loss.kind: huber, only with focal; remove it"
    ),
    (
      "training.loss={kind: focal, label_smoothing: 0.1}",
      "training.loss.label_smoothing: it has no meaning with training.loss.kind: focal, only with auto, cross-entropy; remove it"
    ),
    (
      "training.loss.kind=hubber",
      "training.loss.kind: expected one of auto, cross-entropy, focal, binary-cross-entropy, squared-error, absolute-error, huber, found \"hubber\"; did you mean \"huber\"?"
    ),
    (
      "training.loss.class_weights=balance",
      "training.loss.class_weights: expected balanced or a list such as [1, 2.5], each a number of at least 0, found \"balance\"; did you mean \"balanced\"?"
    ),
    (
      "training.loss.class_weights=[0, 0]",
      "training.loss.class_weights: expected balanced or a list such as [1, 2.5], each a number of at least 0, found [0, 0]"
    ),
    (
      "training.loss.label_smoothing=1",
      "training.loss.label_smoothing: expected a number from 0 to below 1, found \"1\""
    ),
    ("training.clip_norm=0", "training.clip_norm: expected a number above 0, found \"0\""),
    ("training.clip_value=-1", "training.clip_value: expected a number above 0, found \"-1\""),
    ("training.ema_decay=1", "training.ema_decay: expected a number above 0 and below 1, found \"1\""),
    ("training.ema_decay=0", "training.ema_decay: expected a number above 0 and below 1, found \"0\""),
    (
      "training.schedule={kind: cosine, gamma: 0.5}",
      "training.schedule.gamma: it has no meaning with training.schedule.kind: cosine, only with step; remove it"
    ),
    (
      "training.schedule={kind: one-cycle, warmup_steps: 3, pct_start: 0.2}",
      "training.schedule.pct_start: training.schedule.warmup_steps says how long the rise is; remove it"
    ),
    (
      "training.schedule={kind: warmup-stable-decay, decay_fraction: 1.5}",
      "training.schedule.decay_fraction: expected a number above 0 and at most 1, found \"1.5\""
    ),
    (
      "training.schedule.kind=onecycle",
      "training.schedule.kind: expected one of constant, cosine, linear, step, one-cycle, warmup-stable-decay, found \"onecycle\"; did you mean \"one-cycle\"?"
    ),
    ("data.task=regression", "data.task: it belongs to a file, and data.path is not given; remove it"),
    (
      "model={kind: linear}",
      "model.kind: a linear model predicts values, and the labels are classes; use logistic or mlp"
    ),
    ("training.microbatch=48", "training.microbatch: 48 does not divide training.batch, 256; 32 or 64 would"),
    ("training.microbatch=512", "training.microbatch: 512 does not divide training.batch, 256; 256 would"),
    (
      "training.schedule={warmup_steps: -1}",
      "training.schedule.warmup_steps: expected a whole number from 0 to 2^31, found \"-1\""
    ),
    (
      "training.batch.size=3",
      "training.batch: expected a whole number from 1 to 2^31, found a section with \"size\""
    ),
    ("trainig.batch=3", "unknown key \"trainig\"; did you mean \"training\"?"),
    ("training.bacth=3", "unknown key \"bacth\" in training; did you mean \"batch\"?"),
    ("checkpoint.keep=0", "checkpoint.keep: expected a whole number from 1 to 2^31, found \"0\""),
    ("training.batch", "expected KEY=VALUE such as training.batch=128"),
    ("=3", "expected KEY=VALUE such as training.batch=128"),
    ("training.batch=", "expected a value after the equals sign"),
  ])
  func anOverrideThatIsWrongIsNamed(override: String, expected: String) {
    #expect(problem(smallConfiguration, overrides: [override]) == "--set \(override): \(expected)")
  }

  @Test func bfloat16IsRefusedWhereItCannotBeKept() throws {
    let wire = "--set communication.wire=bfloat16: communication.wire: "
    #expect(
      problem(
        smallConfiguration,
        overrides: [
          "training.reproducible=false", "communication.algorithm=mpi", "communication.wire=bfloat16",
        ])
        == wire
        + "MPI_Allreduce sends gradients as they are; with communication.algorithm: mpi set it to float32, "
        + "or choose another algorithm")
    #expect(
      problem(smallConfiguration, overrides: ["training.reproducible=true", "communication.wire=bfloat16"])
        == wire
        + "bfloat16 rounds what travels, so the bits of the weights depend on the number of ranks; set "
        + "training.reproducible to false, or it to float32")
    let overrides = [
      "training.reproducible=false", "communication.algorithm=ring", "communication.wire=bfloat16",
    ]
    #expect(try Configuration(yaml: smallConfiguration, overrides: overrides).communication.wire == .bfloat16)
  }

  @Test func contradictionsNameTheLineOfTheKeyToBlame() {
    let yaml =
      "model: {hidden: [8]}\ndata:\n  source: digits\n  path: a.csv\n  label: y\ntraining:\n  epochs: 1\n"
    #expect(problem(yaml) == "config.yaml:4: data.path: data.source is given too; remove one of them")
    #expect(
      problem("model: {hidden: [8]}\ndata: {source: digits}\ntraining:\n  epochs: 1\n  steps: 2")
        == "config.yaml:5: training.steps: training.epochs is given too; remove one of them")
    #expect(
      problem("model: {hidden: [8]}\ndata: {path: a.csv}\ntraining: {epochs: 1}")
        == "config.yaml: data.label: a file needs the name of the column that holds the labels")
    #expect(
      problem("model: {hidden: [8]}\ntraining: {epochs: 1}")
        == "config.yaml: data: expected a built-in (source: digits) or a file (path: FILE.csv, label: COLUMN)"
    )
    #expect(
      problem("model: {hidden: [8]}\ndata: {source: digits}")
        == "config.yaml: training.epochs: expected one of training.epochs and training.steps")
  }

  @Test func aScheduleInStepsNeedsTheirLength() {
    #expect(
      problem(smallConfiguration, overrides: ["training.schedule.kind=step"])
        == "config.yaml: training.schedule.every_steps: a schedule in steps needs the number of optimizer steps from "
        + "one to the next")
  }

  @Test func gradientsAreClippedInOneWay() throws {
    let yaml = "model: {hidden: [8]}\ndata: {source: digits}\ntraining:\n  epochs: 1\n  clip_norm: 1\n"
    #expect(
      problem(yaml + "  clip_value: 2")
        == "config.yaml:6: training.clip_value: training.clip_norm is given too; remove one of them")
    let overridden = try Configuration(yaml: yaml, overrides: ["training.clip_value=2"]).training
    #expect(overridden.clipNorm == nil && overridden.clipValue == 2)
  }

  @Test func aMissingFileIsNamed() {
    let missing = #expect(throws: ConfigurationError.self) { try Configuration(contentsOf: "/no/such.yaml") }
    #expect(missing?.description == "/no/such.yaml: there is no such file")
    #expect(throws: ConfigurationError.self) { try Configuration(contentsOf: "/tmp") }
  }

  @Test func aConfigurationBuiltInSwiftIsCheckedAlike() {
    var configuration = Configuration(
      model: .init(hidden: [8]), data: .init(source: .digits), training: .init(epochs: 1))
    #expect(throws: Never.self) { try configuration.validate() }
    configuration.training.optimizer.learningRate = -.infinity
    let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
    #expect(error?.description == "training.optimizer.learning_rate: expected a number above 0")
  }

  @Test func moreRanksThanMicrobatchesAreRefusedWithTheOptions() throws {
    let configuration = try Configuration(yaml: smallConfiguration)
    #expect(throws: Never.self) { try configuration.validate(ranks: 2) }
    let error = #expect(throws: ConfigurationError.self) { try configuration.validate(ranks: 3) }
    #expect(
      error?.description == "3 ranks cannot share the 2 microbatches of a step (training.batch 256 / "
        + "training.microbatch 128): run at most 2 ranks, or set training.microbatch to 64, or set training.batch to "
        + "at least 384")
    let single = try configuration.applying(overrides: ["training.batch=1"])
    let noDivisor = #expect(throws: ConfigurationError.self) { try single.validate(ranks: 2) }
    #expect(
      noDivisor?.description == "2 ranks cannot share the 1 microbatch of a step (training.batch 1 / "
        + "training.microbatch 1): run at most 1 rank, or set training.batch to at least 2")
  }

  @Test func reproducibleRefusesAnOrderThatDependsOnTheNumberOfRanks() throws {
    for algorithm in ["ring", "recursive-doubling", "halving-doubling", "direct", "mpi"] {
      #expect(
        problem(smallConfiguration, overrides: ["communication.algorithm=\(algorithm)"])
          == "--set communication.algorithm=\(algorithm): communication.algorithm: \(algorithm) adds in an order that depends on the number of ranks; set it to auto, or "
          + "training.reproducible to false")
    }
    #expect(
      problem(
        smallConfiguration, overrides: ["communication.algorithm=tree", "training.reproducible=false"])
        == "--set communication.algorithm=tree: communication.algorithm: tree keeps the order of additions of training.reproducible: true; set that, or this to auto"
    )
  }
}
