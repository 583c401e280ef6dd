import BLAS
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
  ///   - ranks: scales the default batch, 256 samples a rank.
  ///   - overrides: as `--set` of `rondo train`.
  /// - Throws: `ConfigurationError`.
  public init(model: String, ranks: Int, overrides: [String]) throws {
    guard let kind = Configuration.Model.Kind(rawValue: model) else {
      throw ConfigurationError(
        "there is no model \"\(model)\"; there are: \(Self.models.joined(separator: ", "))")
    }
    var base = Configuration(
      name: "bench-\(model)", model: .init(kind: kind, hidden: kind == .mlp ? [1024, 1024] : []),
      data: .init(source: kind == .linear ? nil : .digits, path: kind == .linear ? "synthetic" : nil),
      training: .init(
        batch: 256 * ranks, microbatch: 256, steps: 1,
        optimizer: .init(kind: .sgd, learningRate: 0.01, momentum: 0.9)))
    if kind == .linear { base.data.label = "value" }
    if let data = overrides.first(where: { $0.hasPrefix("data") }) {
      throw ConfigurationError("the benchmark trains on synthetic data; remove it", at: "--set \(data)")
    }
    let given = Set(overrides.map { $0.prefix { $0 != "=" } })
    // An override of the batch alone asks for the default microbatch of that batch.
    configuration = try base.applying(
      overrides: (given.contains("training.batch") || given.contains("training.microbatch")
        ? [] : ["training.microbatch=256"]) + overrides)
    data = Self.synthetic(samples: 8 * configuration.training.batch, isClasses: kind != .linear)
  }

  /// Collective.
  public func run(pool: ThreadPool, warmup: Int, steps: Int, world: borrowing Communicator) throws -> Result {
    var configuration = configuration
    configuration.training.steps = warmup + steps
    configuration.training.epochs = nil
    let network = try CommonFailure.agreed(on: world) {
      try configuration.validate(ranks: world.size)
      let network = try Trainer.network(configuration, data: data)
      try Trainer.checkMemory(network, optimizer: ReadyMade.optimizer(configuration.training.optimizer))
      return network
    }
    let trainer = try Trainer(configuration, data: data, network: network, pool: pool, world: world)
    var seconds: [Double] = []
    var losses: [Double] = []
    seconds.reserveCapacity(steps)
    losses.reserveCapacity(warmup + steps)
    var (before, after) = (Times(trainer.instruments), Times(trainer.instruments))
    for step in 0..<warmup + steps {
      if step == warmup {
        try world.barrier()
        before = Times(trainer.instruments)
      }
      losses.append(try trainer.trainStep())
      if step >= warmup { seconds.append(trainer.stepSeconds) }
    }
    after = Times(trainer.instruments)
    let times = try after.since(before, step: seconds.reduce(0, +)).ofLongestWait(on: world)
    let memory = try world.allreduce(peakMemoryBytes(), .maximum)
    trainer.close()
    var slowest = seconds.mutableSpan
    try world.allreduce(&slowest, .maximum)
    var sums = losses.mutableSpan
    try world.allreduce(&sums, .sum)
    let typical = median(seconds)
    let batch = configuration.training.batch
    let flops = network.graph.flops
    let products = Double((flops.forward + flops.backward) * configuration.training.microbatchCount)
    return Result(
      model: configuration.model.kind.rawValue, ranks: world.size, threads: pool.threads, batch: batch,
      microbatch: configuration.training.microbatch, samplesPerSecond: Double(batch) / typical,
      stepMsMedian: 1e3 * typical, stepMsMin: 1e3 * (seconds.min() ?? 0), gflops: products / typical * 1e-9,
      stepMsMean: 1e3 * times.step / Double(steps), computeMsMean: 1e3 * times.compute / Double(steps),
      exposedMsMean: 1e3 * times.exposed / Double(steps),
      hiddenMsMean: 1e3 * max(0, times.communication - times.exposed) / Double(steps),
      peakMemoryBytes: memory,
      lossFirst: losses[0] / Double(batch), lossLast: losses[losses.count - 1] / Double(batch))
  }

  /// Sums over steps, in seconds.
  private struct Times {
    var step = 0.0
    var compute: Double
    var exposed: Double
    var communication: Double

    init(_ instruments: Instruments) {
      compute = instruments.computeSeconds
      exposed = instruments.exposedSeconds
      communication = instruments.communicationSeconds
    }

    func since(_ earlier: Times, step: Double) -> Times {
      var times = self
      times.step = step
      times.compute -= earlier.compute
      times.exposed -= earlier.exposed
      times.communication -= earlier.communication
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
      times.communication = try world.broadcast(communication, root: rank)
      return times
    }
  }

  /// 784 features in 0..<1 and ten classes that depend on them, or a value that does.
  private static func synthetic(samples: Int, isClasses: Bool) -> DatasetSplit {
    let (width, classes) = (784, 10)
    let philox = Philox(key: 1)
    let features = [Float](unsafeUninitializedCapacity: samples * width) { buffer, initialized in
      for sample in 0..<samples {
        for block in 0..<width / 4 {
          let words = philox.block(at: block, major: UInt32(sample), for: .synthetic)
          for lane in 0..<4 { buffer[sample * width + 4 * block + lane] = Philox.uniform(words[lane]) }
        }
        // The class shows as a brighter stripe.
        let stripe = sample % classes
        for i in stripe * 78..<(stripe + 1) * 78 { buffer[sample * width + i] += 0.3 }
      }
      initialized = samples * width
    }
    let all = Dataset(
      features: features,
      labels: isClasses
        ? .classes((0..<samples).map { Int32($0 % classes) }, names: (0..<classes).map(String.init))
        : .values((0..<samples).map { Float($0 % classes) / 10 }),
      featureNames: (0..<width).map { "x\($0)" }, labelName: isClasses ? "class" : "value")
    return all.split { _ in false }
  }
}
