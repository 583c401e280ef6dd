import MPITestSupport
import Testing

@testable import Training

@Suite struct ConfigurationRoundTripTests {
  @Test func writingThenReadingGivesAnEqualConfiguration() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for round in 0..<500 {
      let configuration = Configuration.random(using: &random)
      let yaml = configuration.resolvedYAML
      do {
        try configuration.validate()
        let again = try Configuration(yaml: yaml, file: "other.yaml")
        #expect(again == configuration, "seed \(seed), round \(round):\n\(yaml)")
        #expect(again.resolvedYAML == yaml)
      } catch {
        Issue.record("seed \(seed), round \(round): \(error)\n\(yaml)")
        return
      }
    }
  }

  @Test func theTextIsThatOfAPerson() throws {
    let yaml = try Configuration(yaml: smallConfiguration, file: "first.yaml").resolvedYAML
    #expect(
      yaml == """
        # The configuration of this run with every default filled in.
        name: first
        seed: 1
        model:
          kind: mlp
          hidden: [8]
          activation: relu
          dropout: 0.0
        data:
          source: digits
          standardize: false
        training:
          batch: 256
          microbatch: 128
          epochs: 1
          reproducible: true
          evaluate_every_epochs: 1
          log_every_steps: 10
          loss:
            kind: auto
            label_smoothing: 0.0
          optimizer:
            kind: adamw
            learning_rate: 0.001
            weight_decay: 0.01
            decay: all
            frozen: []
            sharded: false
            beta1: 0.9
            beta2: 0.999
            epsilon: 1e-08
          schedule:
            kind: constant
            warmup_steps: 0
        communication:
          algorithm: auto
          bucket_bytes: 4MiB
          wire: float32
          overlap: true
          check: false
          warn_after_seconds: 30
          abort_after_seconds: 300
        checkpoint:
          every_steps: 0
          every_minutes: 10.0
          keep: 3
          survive: true

        """)
  }

  @Test(arguments: [
    "true", "no", "Y", "null", "~", "1", "1e3", "-", "- a", "a: b", "a # b", "#a", "[a]", "{a}", "\"", "'",
    "\\", "&a",
    "*a", "!a", "|", ">", "%a", "@a", "`a", " a", "a ", "a\nb", "a\r\nb", "\t",
    "\u{0}\u{1}\u{7F}\u{85}\u{A0}", "é",
    "日本語", "👩‍👩‍👧", "\u{2028}", "a\u{FEFF}", "a\u{301}", "=", "<<", "/tmp/a b.csv", "C:\\a", "0x1", "1_000",
    "---",
    "...", "?", "? a", "a:", ":a", "e", "Infinity", ".nan", "12:30", "2024-01-01",
  ])
  func anyTextSurvives(text: String) throws {
    var configuration = try Configuration(yaml: smallConfiguration)
    // A name has no slashes and no control characters.
    var name = ""
    name.unicodeScalars.append(
      contentsOf: text.unicodeScalars.map {
        $0 == "/" || $0.properties.generalCategory == .control ? "-" : $0
      })
    configuration.name = name
    configuration.data = .init(path: text, label: text)
    let again = try Configuration(yaml: configuration.resolvedYAML)
    #expect(again.name.unicodeScalars.elementsEqual(name.unicodeScalars))
    #expect(again.data.path?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
    #expect(again == configuration)
  }
}

extension Configuration {
  /// Any configuration that is valid.
  fileprivate static func random(using random: inout SeededGenerator) -> Configuration {
    let fraction = { (random: inout SeededGenerator) in Double.random(in: 0..<1, using: &random) }
    let chance = { (random: inout SeededGenerator) in Bool.random(using: &random) }
    let positive = { (random: inout SeededGenerator) in Double.random(in: 1e-12..<10, using: &random) }
    var data = Data(source: .digits, standardize: chance(&random))
    if chance(&random) {
      data = Data(path: "some file.csv", label: "label", task: chance(&random) ? .auto : .classification)
      if chance(&random) { data.testPath = "test.csv" } else { data.testFraction = fraction(&random) }
    }
    var model = Model(kind: .logistic)
    if chance(&random) {
      model = Model(
        hidden: (0...Int.random(in: 0..<4, using: &random)).map { _ in .random(in: 1...4096, using: &random)
        },
        activation: Model.Activation.allCases.randomElement(using: &random) ?? .relu,
        dropout: 0.99 * fraction(&random))
    }
    let microbatch = Int.random(in: 1...300, using: &random)
    var training = Training(
      batch: microbatch * Int.random(in: 1...40, using: &random), microbatch: microbatch,
      loss: .random(using: &random), optimizer: .random(using: &random), schedule: .random(using: &random),
      reproducible: chance(&random), evaluateEveryEpochs: .random(in: 0...5, using: &random),
      logEverySteps: .random(in: 1...100, using: &random))
    switch Int.random(in: 0..<3, using: &random) {
    case 0: training.clipNorm = positive(&random)
    case 1: training.clipValue = positive(&random)
    default: training.emaDecay = 0.5 + fraction(&random) / 2
    }
    if chance(&random) {
      training.initialWeights = InitialWeights(
        path: "some file", map: chance(&random) ? [] : ["a.*=b.*", "c= transposed"],
        transpose: chance(&random),
        missing: chance(&random) ? .error : .initialize)
    }
    if chance(&random) {
      training.epochs = .random(in: 1...100, using: &random)
    } else {
      training.steps = .random(in: 9...100_000, using: &random)
    }
    if chance(&random), training.evaluateEveryEpochs > 0 {
      training.earlyStopping = EarlyStopping(
        metric: Metric.allCases.randomElement(using: &random) ?? .loss,
        patience: .random(in: 1...9, using: &random), minDelta: fraction(&random))
    }
    let algorithms: [Communication.Algorithm] =
      training.reproducible
      ? [.auto, .shared, .tree, .twoLevel] : Communication.Algorithm.allCases.filter { $0 != .tree }
    let algorithm = algorithms.randomElement(using: &random) ?? .auto
    let takesAnyWire = algorithm != .mpi && !training.reproducible
    return Configuration(
      name: "run \(microbatch)", seed: random.next(), model: model, data: data, training: training,
      communication: Communication(
        algorithm: algorithm,
        bucketBytes: .random(in: 4...(1 << 33), using: &random) >> Int.random(in: 0...20, using: &random)
          + 64,
        wire: takesAnyWire && chance(&random) ? .bfloat16 : .float32, overlap: chance(&random),
        earlyUpdateBytes: chance(&random)
          ? nil : chance(&random) ? 0 : .random(in: 0...(1 << 40), using: &random),
        check: chance(&random),
        warnAfterSeconds: .random(in: 0...99, using: &random),
        abortAfterSeconds: .random(in: 0...999, using: &random)))
  }
}

extension Configuration.Loss {
  fileprivate static func random(using random: inout SeededGenerator) -> Self {
    func fraction() -> Double { .random(in: 0..<1, using: &random) }
    var loss = Self(kind: Kind.allCases.randomElement(using: &random) ?? .auto)
    switch loss.kind {
    case .auto, .crossEntropy:
      loss.labelSmoothing = fraction()
      loss.classWeights =
        [nil, .balanced, .each([0, fraction() + 0.1, 3])].randomElement(using: &random) ?? nil
    case .focal: (loss.gamma, loss.alpha) = (9 * fraction(), fraction())
    case .huber: loss.delta = fraction() + 1e-9
    case .binaryCrossEntropy, .squaredError, .absoluteError: break
    }
    return loss
  }
}

extension Configuration.Optimizer {
  fileprivate static func random(using random: inout SeededGenerator) -> Self {
    func fraction() -> Double { .random(in: 0..<1, using: &random) }
    func positive() -> Double { .random(in: 1e-12..<10, using: &random) }
    var optimizer = Self(
      kind: Kind.allCases.randomElement(using: &random) ?? .sgd, learningRate: positive(),
      weightDecay: positive(),
      decay: Decay.allCases.randomElement(using: &random) ?? .all,
      frozen: Array(["blocks.0.*", "head.weight", "*", "true", "a b"].shuffled(using: &random).prefix(2)),
      scaleWithBatch: Bool.random(using: &random) ? .random(in: 1...999, using: &random) : nil)
    switch optimizer.kind {
    case .sgd:
      optimizer.momentum = 0.1 + fraction() / 2
      optimizer.nesterov = Bool.random(using: &random)
    case .rmsprop:
      (optimizer.momentum, optimizer.alpha, optimizer.epsilon) = (fraction(), fraction(), positive())
    case .adagrad: optimizer.epsilon = positive()
    case .adam, .adamw, .lamb:
      (optimizer.beta1, optimizer.beta2, optimizer.epsilon) = (fraction(), fraction(), positive())
    case .lars: (optimizer.momentum, optimizer.trustCoefficient) = (fraction(), positive())
    case .lion: (optimizer.beta1, optimizer.beta2) = (fraction(), fraction())
    }
    return optimizer
  }
}

extension Configuration.Schedule {
  fileprivate static func random(using random: inout SeededGenerator) -> Self {
    let kind = Kind.allCases.randomElement(using: &random) ?? .linear
    var schedule = Self(kind: kind, warmupSteps: .random(in: 0...9, using: &random))
    switch kind {
    case .constant, .cosine, .linear: break
    case .step:
      schedule.everySteps = .random(in: 1...999, using: &random)
      schedule.gamma = .random(in: 1e-3..<2, using: &random)
    case .oneCycle:
      if schedule.warmupSteps == 0 { schedule.pctStart = .random(in: 0...1, using: &random) }
      schedule.divFactor = .random(in: 1...99, using: &random)
      schedule.finalDivFactor = .random(in: 1...99, using: &random)
    case .warmupStableDecay: schedule.decayFraction = .random(in: 0.001...1, using: &random)
    }
    return schedule
  }
}
