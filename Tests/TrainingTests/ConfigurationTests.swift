import Foundation
import Testing

@testable import Training

/// The smallest configuration that is valid.
let smallConfiguration = "model: { hidden: [8] }\ndata: { source: digits }\ntraining: { epochs: 1 }\n"

@Suite struct ConfigurationTests {
  @Test func everyKeyIsRead() throws {
    let configuration = try Configuration(
      yaml: """
        name: cards
        seed: 18446744073709551615
        model: { kind: mlp, hidden: [256, 128], activation: gelu, dropout: 0.1 }
        data:
          path: "cards.csv"
          format: csv
          label: fraud
          task: classification
          standardize: true
          test_fraction: 0.25
        training:
          batch: 512
          microbatch: 64
          steps: 1000
          reproducible: false
          evaluate_every_epochs: 0
          log_every_steps: 5
          loss: { kind: focal, gamma: 1.5, alpha: 0.5 }
          clip_norm: 1
          ema_decay: 0.999
          optimizer: { kind: sgd, learning_rate: 1e-1, momentum: .9, nesterov: true, weight_decay: 1E-4,
            decay: matrices, frozen: [hidden.0.*, output.bias], scale_with_batch: 256 }
          schedule: { kind: step, warmup_steps: 50, every_steps: 100, gamma: 0.5 }
        communication: { algorithm: ring, bucket_bytes: 4MiB, wire: float32, overlap: false }
        """)
    let expected = Configuration(
      name: "cards", seed: .max,
      model: .init(kind: .mlp, hidden: [256, 128], activation: .gelu, dropout: 0.1),
      data: .init(
        path: "cards.csv", label: "fraud", task: .classification, standardize: true, testFraction: 0.25),
      training: .init(
        batch: 512, microbatch: 64, steps: 1000, loss: .init(kind: .focal, gamma: 1.5, alpha: 0.5),
        optimizer: .init(
          kind: .sgd, learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-4, decay: .matrices,
          frozen: ["hidden.0.*", "output.bias"], scaleWithBatch: 256),
        schedule: .init(kind: .step, warmupSteps: 50, gamma: 0.5, everySteps: 100), clipNorm: 1,
        emaDecay: 0.999, reproducible: false, evaluateEveryEpochs: 0,
        logEverySteps: 5),
      communication: .init(algorithm: .ring, bucketBytes: 4 << 20, overlap: false))
    #expect(configuration == expected)
  }

  @Test func defaultsFillInTheRest() throws {
    let configuration = try Configuration(yaml: smallConfiguration, file: "some/where/first.yaml")
    #expect(
      configuration
        == Configuration(
          name: "first", model: .init(hidden: [8]), data: .init(source: .digits), training: .init(epochs: 1)))
    #expect(configuration.training.batch == 256)
    #expect(configuration.training.microbatch == 128)
    #expect(configuration.training.optimizer.learningRate == 1e-3)
    #expect(configuration.training.optimizer.weightDecay == 0.01)
    #expect(configuration.training.reproducible)
    #expect(configuration.communication.bucketBytes == 4_194_304)
  }

  /// Those of PyTorch 2, and of the papers' own implementations.
  @Test(arguments: [
    ("sgd", 1e-2, 0, 0, 0.999, 1e-8), ("rmsprop", 1e-2, 0, 0, 0.999, 1e-8),
    ("adagrad", 1e-2, 0, 0, 0.999, 1e-10), ("adam", 1e-3, 0, 0, 0.999, 1e-8),
    ("adamw", 1e-3, 0, 0.01, 0.999, 1e-8), ("lars", 1, 0.9, 0, 0.999, 1e-8),
    ("lamb", 1e-3, 0, 0.01, 0.999, 1e-6), ("lion", 1e-4, 0, 0, 0.99, 1e-8),
  ])
  func defaultsFollowTheKindOfOptimizer(
    kind: String, learningRate: Double, momentum: Double, weightDecay: Double, beta2: Double, epsilon: Double
  ) throws {
    let optimizer = try Configuration(
      yaml: smallConfiguration, overrides: ["training.optimizer.kind=\(kind)"]
    ).training.optimizer
    #expect(optimizer == .init(kind: try #require(Configuration.Optimizer.Kind(rawValue: kind))))
    #expect(optimizer.learningRate == learningRate && optimizer.momentum == momentum)
    #expect(optimizer.weightDecay == weightDecay && optimizer.beta2 == beta2 && optimizer.epsilon == epsilon)
  }

  @Test func theLearningRateIsThatOfTheReferenceBatchScaled() throws {
    var training = try Configuration(
      yaml: smallConfiguration, overrides: ["training.batch=1024", "training.optimizer.learning_rate=0.1"]
    ).training
    #expect(training.learningRate == 0.1)
    training.optimizer.scaleWithBatch = 256
    #expect(training.learningRate == 0.4)
    training.optimizer.scaleWithBatch = 4096
    #expect(training.learningRate == 0.025)
  }

  @Test(arguments: [(256, 128), (1, 1), (100, 100), (129, 43), (131, 1), (384, 128), (1000, 125)])
  func theDefaultMicrobatchIsTheLargestDivisorUpTo128(batch: Int, microbatch: Int) throws {
    let configuration = try Configuration(yaml: smallConfiguration, overrides: ["training.batch=\(batch)"])
    #expect(configuration.training.microbatch == microbatch)
    #expect(configuration.training.microbatchCount * microbatch == batch)
  }

  @Test(arguments: [
    ("4096", 4096), ("4KiB", 4096), ("25MiB", 26_214_400), ("1GiB", 1 << 30), ("1 MB", 1_000_000),
    ("64kB", 64_000), ("64B", 64),
  ])
  func sizesHaveUnits(text: String, bytes: Int) throws {
    let configuration = try Configuration(
      yaml: smallConfiguration, overrides: ["communication.bucket_bytes=\(text)"])
    #expect(configuration.communication.bucketBytes == bytes)
  }

  @Test func overridesWinOverTheFileAndLaterOnesOverEarlierOnes() throws {
    let configuration = try Configuration(
      yaml: smallConfiguration,
      overrides: ["model.hidden=[64, 32]", "seed=2", "seed=3", "name=a=b", "training.optimizer={kind: sgd}"])
    #expect(configuration.model.hidden == [64, 32])
    #expect(configuration.seed == 3)
    #expect(configuration.name == "a=b")
    #expect(configuration.training.optimizer.kind == .sgd)
  }

  @Test func anOverrideTakesThePlaceOfItsAlternative() throws {
    let steps = try Configuration(yaml: smallConfiguration, overrides: ["training.steps=20"])
    #expect(steps.training.steps == 20)
    #expect(steps.training.epochs == nil)
    let file = try Configuration(yaml: smallConfiguration, overrides: ["data.path=x.csv", "data.label=y"])
    #expect(file.data == .init(path: "x.csv", label: "y"))
  }

  @Test func anOverrideOfASectionReplacesIt() throws {
    let yaml = "model: {hidden: [8]}\ndata: {path: a.csv, label: y, task: regression}\ntraining: {epochs: 1}"
    let configuration = try Configuration(yaml: yaml, overrides: ["data={source: digits}"])
    #expect(configuration.data == .init(source: .digits))
  }

  @Test func applyingOverridesKeepsTheRestAndDerivesAnew() throws {
    let base = Configuration(
      name: "mlp", seed: 5, model: .init(hidden: [8]), data: .init(source: .digits),
      training: .init(epochs: 2))
    let changed = try base.applying(overrides: ["training.batch=90", "training.optimizer.kind=sgd"])
    var expected = base
    expected.training.batch = 90
    expected.training.microbatch = 90
    expected.training.optimizer = .init(kind: .sgd)
    #expect(changed == expected)
    #expect(try base.applying(overrides: []) == base)
  }

  @Test func anotherKindForgetsWhatTheOldOneHad() throws {
    let base = Configuration(
      model: .init(hidden: [8]), data: .init(source: .digits),
      training: .init(
        epochs: 2,
        optimizer: .init(
          kind: .rmsprop, learningRate: 0.3, momentum: 0.7, weightDecay: 0.2, alpha: 0.8, epsilon: 0.1,
          decay: .matrices, frozen: ["output.*"]),
        schedule: .init(kind: .step, warmupSteps: 3, gamma: 0.7, everySteps: 9)))
    let changed = try base.applying(
      overrides: ["training.optimizer.kind=lion", "training.schedule.kind=one-cycle"]
    ).training
    #expect(changed.optimizer == .init(kind: .lion, decay: .matrices, frozen: ["output.*"]))
    #expect(changed.schedule == .init(kind: .oneCycle, warmupSteps: 3))
    let kept = try base.applying(
      overrides: ["training.optimizer.kind=sgd", "training.optimizer.momentum=0.5"])
    #expect(kept.training.optimizer.momentum == 0.5)
    #expect(kept.training.schedule == base.training.schedule)
  }

  @Test func aFileIsRead() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rondo-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "digits-mlp.yaml").path
    try Data(smallConfiguration.utf8).write(to: URL(filePath: path))
    #expect(try Configuration(contentsOf: path).name == "digits-mlp")
  }

  @Test func dataAreLoadedAndCheckedAgainstModelAndBatch() throws {
    let digits = try Configuration(yaml: smallConfiguration)
    let split = try digits.loadData()
    #expect(split.train.count == 1457)
    #expect(digits.totalSteps(trainingSamples: split.train.count) == 5)
    #expect(split.standardization == nil)
    let standardized = try digits.applying(overrides: ["data.standardize=true"]).loadData()
    #expect(standardized.standardization != nil)
    let large = try digits.applying(overrides: ["training.batch=1458"])
    #expect(throws: ConfigurationError.self) { try large.loadData() }
  }

  /// What leaves too few samples for a batch: what is held out, or the data.
  @Test func theCauseOfTooFewTrainingSamplesIsNamed() throws {
    let path = FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString).csv"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let rows = (0..<200).map { "\($0),\($0 % 2)\n" }.joined()
    try ("a,y\n" + rows).write(toFile: path, atomically: true, encoding: .utf8)
    func problem(_ fraction: Double, batch: Int) -> String {
      let configuration = Configuration(
        model: .init(kind: .mlp, hidden: [4]), data: .init(path: path, label: "y", testFraction: fraction),
        training: .init(batch: batch, microbatch: 1, steps: 1))
      do {
        _ = try configuration.loadData()
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(problem(0.2, batch: 64) == "nothing")
    let heldOut = problem(0.97, batch: 64)
    #expect(
      heldOut.contains(
        /^data.test_fraction: 0.97 holds out (\d+) of 200 samples, which leaves \d+ for training/)
        && heldOut.contains(
          "a batch takes 64 (training.batch); hold out fewer, or set training.batch to at most "),
      "\(heldOut)")
    let none = problem(0.999999, batch: 2)
    #expect(
      none.hasSuffix("leaves 0 for training, and a batch takes 2 (training.batch); hold out fewer"), "\(none)"
    )
    let few = problem(0, batch: 256)
    #expect(
      few
        == "training.batch: a batch takes 256 samples, and there are 200 for training; set it to at most 200")
  }
}
