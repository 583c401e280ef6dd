import BLAS
import Collectives
import Datasets
import Foundation
import Kernels
import MPI

/// Training steps of a ready-made model on synthetic data, timed.
public struct TrainingBenchmark {
  /// Models that there are.
  public static let models = Configuration.Model.Kind.allCases.map(\.rawValue)

  public struct Result: Codable, Sendable {
    public var model: String
    public var ranks: Int
    /// Of each rank.
    public var threads: Int
    public var batch: Int
    public var microbatch: Int
    /// Global batch / median step.
    public var samplesPerSecond: Double
    /// The same in tokens; nil for models that have none.
    public var tokensPerSecond: Double?
    public var stepMsMedian: Double
    public var stepMsMin: Double
    /// GFLOP/s of all ranks: the products of a step / median step.
    public var gflops: Double
    /// Mean step on the rank that waited longest, as the three figures that follow. Computing and exposed communication explain it, up to
    /// what the loop itself takes.
    public var stepMsMean: Double
    /// Mean time of a step in which the compute thread computed.
    public var computeMsMean: Double
    /// Mean time of a step in which only communication went on.
    public var exposedMsMean: Double
    /// Mean time of a step in which communication went on behind computing.
    public var hiddenMsMean: Double
    /// Largest resident size over the ranks.
    public var peakMemoryBytes: Int
    /// Mean loss of the first and of the last step.
    public var lossFirst: Double
    public var lossLast: Double
    /// Time of each operation on this rank; nil unless asked for.
    public var profile: StepProfile?

    public var json: String { JSONLine.encode(self) }

    public var table: String {
      """
      model      ranks  threads  batch  microbatch  samples/s  step ms (median)  (min)  GFLOP/s  exposed ms  memory MB    loss
      """
        + "\n"
        + String(
          format: "%@ %5d %8d %6d %11d %10.0f %17.3f %6.2f %8.1f %11.3f %10.1f    %.4f -> %.4f",
          model.padding(toLength: 10, withPad: " ", startingAt: 0), ranks, threads, batch, microbatch,
          samplesPerSecond, stepMsMedian, stepMsMin, gflops, exposedMsMean, Double(peakMemoryBytes) / 1e6,
          lossFirst, lossLast)
    }
  }

  public let configuration: Configuration
  private let data: DatasetSplit

  /// - Parameters:
  ///   - ranks: scales the default batch, in one microbatch a rank.
  ///   - features: numbers of a sample, for models of dense layers.
  ///   - overrides: as `--set` of `rondo train`.
  /// - Throws: `ConfigurationError`.
  public init(model: String, ranks: Int, features: Int = 784, overrides: [String]) throws {
    guard let kind = Configuration.Model.Kind(rawValue: model) else {
      throw ConfigurationError(
        "there is no model \"\(model)\"; there are: \(Self.models.joined(separator: ", "))")
    }
    let base = Configuration(
      name: "bench-\(model)", model: .init(kind: kind, hidden: Self.hidden(kind)),
      data: Self.data(kind),
      training: .init(
        batch: Self.samplesPerRank(kind) * ranks, microbatch: Self.microbatch(kind), steps: 1,
        optimizer: kind.isTransformer || kind == .tabular
          ? .init(kind: .adamw) : .init(kind: .sgd, learningRate: 0.01, momentum: 0.9)))
    if let data = overrides.first(where: { $0.hasPrefix("data") }) {
      throw ConfigurationError("the benchmark trains on synthetic data; remove it", at: "--set \(data)")
    }
    let given = Set(overrides.map { $0.prefix { $0 != "=" } })
    // An override of the batch alone asks for the default microbatch of that batch.
    configuration = try base.applying(
      overrides: (given.contains("training.batch") || given.contains("training.microbatch")
        ? [] : ["training.microbatch=\(Self.microbatch(kind))"]) + overrides)
    data = SyntheticData.samples(
      Self.batches(kind) * configuration.training.batch, for: configuration.model,
      features: features)
  }

  /// Samples of a rank in a step, where nothing else is asked for: those of the comparisons in the README.
  private static func samplesPerRank(_ kind: Configuration.Model.Kind) -> Int {
    switch kind {
    case .mlp, .linear, .logistic, .tabular: 256
    case .lenet, .resnet20, .resnet32, .resnet56, .encoder, .conv1d: 64
    case .resnet18, .gpt: 8
    }
  }

  /// On one thread two of a gpt's samples are as fast as all of them, and take a quarter of the memory.
  private static func microbatch(_ kind: Configuration.Model.Kind) -> Int {
    kind == .gpt ? 2 : samplesPerRank(kind)
  }

  /// Batches of synthetic data: enough that loading them costs what it costs in a run, and few where samples are large.
  private static func batches(_ kind: Configuration.Model.Kind) -> Int { kind == .resnet18 ? 2 : 8 }

  private static func hidden(_ kind: Configuration.Model.Kind) -> [Int] {
    kind == .mlp ? [1024, 1024] : kind == .tabular ? [256, 128] : []
  }

  /// What a configuration for real data of that kind would say; nothing is read from it.
  private static func data(_ kind: Configuration.Model.Kind) -> Configuration.Data {
    let path = "synthetic"
    return switch kind {
    case .mlp, .logistic: .init(source: .digits)
    case .linear: .init(path: path, label: "value")
    case .lenet, .resnet20, .resnet32, .resnet56, .resnet18: .init(path: path, format: .idx)
    case .gpt: .init(path: path, format: .text)
    case .encoder, .conv1d: .init(path: path, format: .sequences)
    case .tabular: .init(path: path, label: "class", categorical: ["c0"])
    }
  }

  /// Collective.
  ///
  /// - Parameter profiles: whether as many steps again are run to time each operation.
  public func run(
    pool: ThreadPool, warmup: Int, steps: Int, profiles: Bool = false, world: borrowing Communicator
  ) throws -> Result {
    var configuration = configuration
    configuration.training.steps = warmup + steps
    configuration.training.epochs = nil
    let layout = try HostLayout(of: world)
    let network = try CommonFailure.agreed(on: world) {
      try configuration.validate(ranks: world.size)
      let network = try Trainer.network(configuration, data: data)
      try RunMemory(
        configuration, network.graph,
        optimizer: ReadyMade.optimizer(configuration.training.optimizer), data: data,
        ranksPerHost: layout.ranksPerHost, areInBlocks: layout.isInBlocks, program: 0,
        threads: pool.threads, isRun: false
      ).check()
      return network
    }
    let trainer = try Trainer(configuration, data: data, network: network, pool: pool, world: world)
    var seconds: [Double] = []
    var losses: [Double] = []
    seconds.reserveCapacity(steps)
    losses.reserveCapacity(warmup + steps)
    var (before, after) = (
      Times(trainer.instruments, trainer.reducer), Times(trainer.instruments, trainer.reducer)
    )
    for step in 0..<warmup + steps {
      if step == warmup {
        try world.barrier()
        before = Times(trainer.instruments, trainer.reducer)
      }
      losses.append(try trainer.trainStep())
      if step >= warmup { seconds.append(trainer.stepSeconds) }
    }
    after = Times(trainer.instruments, trainer.reducer)
    let profile = profiles ? try StepProfile.measure(trainer, steps: steps) : nil
    let times = try after.since(before, step: seconds.reduce(0, +)).ofLongestWait(on: world)
    let memory = try world.allreduce(peakMemoryBytes(), .maximum)
    trainer.close()
    var slowest = seconds.mutableSpan
    try world.allreduce(&slowest, .maximum)
    let typical = seconds.median
    let batch = configuration.training.batch
    let flops = network.graph.flops
    let products = (flops.forward + flops.backward) * Double(configuration.training.microbatchCount)
    return Result(
      model: configuration.model.kind.rawValue, ranks: world.size, threads: pool.threads, batch: batch,
      microbatch: configuration.training.microbatch, samplesPerSecond: Double(batch) / typical,
      tokensPerSecond: configuration.model.kind.isTransformer
        ? Double(batch * data.train.sampleShape[0]) / typical : nil,
      stepMsMedian: 1e3 * typical, stepMsMin: 1e3 * (seconds.min() ?? 0), gflops: products / typical * 1e-9,
      stepMsMean: 1e3 * times.step / Double(steps), computeMsMean: 1e3 * times.compute / Double(steps),
      exposedMsMean: 1e3 * times.exposed / Double(steps),
      hiddenMsMean: 1e3 * times.hidden / Double(steps),
      peakMemoryBytes: memory,
      lossFirst: losses[0], lossLast: losses[losses.count - 1],
      profile: profile)
  }

  /// Sums over steps, in seconds.
  private struct Times {
    var step = 0.0
    var compute: Double
    var exposed: Double
    var hidden: Double

    init(_ instruments: Instruments, _ reducer: GradientReducer) {
      compute = instruments.computeSeconds
      exposed = instruments.exposedSeconds
      hidden = reducer.hiddenSeconds
    }

    func since(_ earlier: Times, step: Double) -> Times {
      var times = self
      times.step = step
      times.compute -= earlier.compute
      times.exposed -= earlier.exposed
      times.hidden -= earlier.hidden
      return times
    }

    /// Those of the rank with the largest `exposed`. Collective.
    func ofLongestWait(on world: borrowing Communicator) throws(MPIError) -> Times {
      let all = try world.allgather(exposed)
      let rank = all.indices.max { all[$0] < all[$1] } ?? 0
      var times = self
      times.step = try world.broadcast(step, root: rank)
      times.compute = try world.broadcast(compute, root: rank)
      times.exposed = try world.broadcast(exposed, root: rank)
      times.hidden = try world.broadcast(hidden, root: rank)
      return times
    }
  }
}
