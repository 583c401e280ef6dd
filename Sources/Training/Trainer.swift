import BLAS
import Collectives
import Datasets
import Graph
import MPI
import NeuralNetwork
import Optimizers

/// Trains one network on one data set, a step at a time, together with the other ranks of a communicator.
///
/// Every rank makes one with the same arguments and calls the same functions in the same order. A step's global batch is cut into
/// microbatches; each rank computes a contiguous run of them.
public final class Trainer {
  public let configuration: Configuration
  public let data: DatasetSplit
  public let network: Network
  public let executor: Executor
  /// Steps done.
  public private(set) var step = 0
  public let totalSteps: Int
  public let stepsPerEpoch: Int

  let reducer: GradientReducer
  /// What is known of this rank's threads: times, and where they stand.
  let instruments: Instruments
  private let ownsInstruments: Bool
  /// How long the last step took.
  private(set) var stepSeconds = 0.0
  let world: Communicator
  let pool: ThreadPool
  private let optimizer: any Optimizer
  private let optimizerState: Arena
  private let pieces: UpdatePieces
  private let schedule: LearningRateSchedule
  /// Microbatches of each step that this rank computes.
  private let microbatches: Range<Int>
  private let order: SampleOrder
  private var epochOrder: [Int]
  private var orderedEpoch = -1
  private var isClosed = false

  /// The network that a configuration trains on these data. Not collective: it settles what may be wrong before ranks depend on each
  /// other.
  ///
  /// - Parameter model: from features to logits or values; nil for the configuration's ready-made model.
  /// - Throws: what is wrong with the model.
  public static func network(
    _ configuration: Configuration, data: DatasetSplit, model: ((Tensor) -> Tensor)? = nil
  ) throws(ShapeError) -> Network {
    try ReadyMade.network(configuration, data: data.train, model: model)
  }

  /// Collective.
  ///
  /// - Parameters:
  ///   - network: as `network(_:data:model:)` makes it.
  ///   - optimizer: nil for the configuration's.
  ///   - pool: the threads of this rank.
  /// - Throws: `ConfigurationError` for a configuration that does not fit the number of ranks, on all of them.
  public convenience init(
    _ configuration: Configuration, data: DatasetSplit, network: Network, optimizer: (any Optimizer)? = nil,
    pool: ThreadPool, world: borrowing Communicator
  ) throws {
    try configuration.validate(ranks: world.size)
    try self.init(
      configuration, data: data, network: network, optimizer: optimizer, pool: pool,
      instruments: Instruments(configuration.communication, world: world), ownsInstruments: true,
      world: world)
  }

  /// As above, with instruments that saw what came before.
  ///
  /// - Parameter ownsInstruments: whether `close` closes them.
  init(
    _ configuration: Configuration, data: DatasetSplit, network: Network, optimizer: (any Optimizer)? = nil,
    pool: ThreadPool, instruments: Instruments, ownsInstruments: Bool = false,
    world: borrowing Communicator
  ) throws {
    try configuration.validate(ranks: world.size)
    self.instruments = instruments
    self.ownsInstruments = ownsInstruments
    let training = configuration.training
    self.configuration = configuration
    self.data = data
    self.network = network
    order = SampleOrder(seed: configuration.seed, count: data.train.count)
    stepsPerEpoch = order.steps(batch: training.batch)
    precondition(stepsPerEpoch > 0, "Trainer: expected at least one batch of training samples")
    totalSteps = configuration.totalSteps(trainingSamples: data.train.count)
    epochOrder = Array(repeating: 0, count: data.train.count)
    let runs = training.microbatchCount
    microbatches = world.rank * runs / world.size..<(world.rank + 1) * runs / world.size

    self.pool = pool
    let choice = try AllreduceChoice(
      configuration.communication, count: network.graph.arenaCount, pool: pool, world: world)
    var (parameters, sums): (Arena?, Arena?)
    if let arenas = choice.way.arenas {
      parameters = Arena(borrowing: arenas.common)
      sums = Arena(borrowing: arenas.mine)
      if arenas.rank == 0, let parameters { network.graph.initialize(parameters, seed: configuration.seed) }
      arenas.computation.meet()
    }
    executor = Executor(
      network.graph, pool: pool, seed: configuration.seed, parameters: parameters, gradients: sums)
    guard let gradients = executor.gradients else {
      preconditionFailure("Trainer: a network has a loss, so its executor has gradients")
    }
    let rule = optimizer ?? ReadyMade.optimizer(training.optimizer)
    self.optimizer = rule
    optimizerState = Arena(count: rule.stateCount * network.graph.arenaCount)
    pieces = UpdatePieces(network.graph)
    schedule = LearningRateSchedule(
      training.schedule.kind, warmupSteps: training.schedule.warmupSteps, totalSteps: totalSteps)
    self.world = try world.duplicate()
    reducer = try GradientReducer(
      choice, gradients: gradients, bucketBytes: configuration.communication.bucketBytes,
      overlap: configuration.communication.overlap,
      pool: pool, instruments: instruments, world: world)
  }

  /// Refuses a network whose arenas this machine cannot hold.
  static func checkMemory(_ network: Network, optimizer: any Optimizer) throws(CommonFailure) {
    let perParameter = Double(2 + optimizer.stateCount) * Double(network.graph.arenaCount)
    let needed = 4 * (perParameter + Double(Executor.activationCount(network.graph)))
    let available = Double(physicalMemoryBytes())
    guard needed > available else { return }
    throw CommonFailure(
      "the model needs \(ProgressDisplay.number(needed / 1e9)) GB on each rank and this machine has "
        + "\(ProgressDisplay.number(available / 1e9)) GB; make model.hidden or training.microbatch smaller",
      exitStatus: 2)
  }

  /// The learning rate of the coming step.
  public var learningRate: Double {
    configuration.training.optimizer.learningRate * schedule.factor(step: step)
  }

  /// One optimizer update. Collective.
  ///
  /// - Returns: the sum of the losses of this rank's samples, before the update. The global batch's mean loss is the sum of these over
  ///   the ranks, divided by the global batch.
  @discardableResult public func trainStep() throws(MPIError) -> Double {
    let training = configuration.training
    let rate = learningRate
    let spans = instruments.compute.spans
    spans.step = step
    spans.begin(.step)
    let (epoch, stepOfEpoch) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    if epoch != orderedEpoch {
      spans.begin(.load)
      var span = epochOrder.mutableSpan
      order.write(&span, epoch: epoch)
      spans.end()
      orderedEpoch = epoch
    }
    let first = SampleOrder.positions(step: stepOfEpoch, batch: training.batch).lowerBound
    var lossSum = 0.0
    var failure: MPIError?
    for microbatch in microbatches {
      let firstSample = microbatch * training.microbatch
      let number = microbatch - microbatches.lowerBound
      spans.begin(.load, number)
      load(data.train, epochOrder, first + firstSample, training: true)
      spans.end()
      spans.begin(.forward, number)
      executor.forward(training: true, at: Position(step: step, firstSample: firstSample))
      var sum = 0.0
      for loss in executor.value(of: network.loss, training: true) { sum += Double(loss) }
      lossSum += sum / Double(network.lossesPerSample)
      spans.end()
      spans.begin(.backward, number)
      let (isFirst, isLast) = (
        microbatch == microbatches.lowerBound, microbatch == microbatches.upperBound - 1
      )
      executor.backward(scale: 1 / Float(training.batch * network.lossesPerSample), accumulates: !isFirst) {
        watermark, readsParameters in
        // Only the last microbatch completes gradients. What is reduced by then is updated while it is in the cache.
        guard isLast, failure == nil else { return }
        reducer.reached(watermark, readsParameters: readsParameters)
        guard !readsParameters else { return }
        do throws(MPIError) { try updateReduced(rate, waits: false) } catch { failure = error }
      }
      spans.end()
    }
    if let failure { throw failure }
    try updateReduced(rate, waits: true)
    reducer.endStep()
    step += 1
    spans.step = step
    stepSeconds = spans.end()
    return lossSum
  }

  /// Metrics over the whole test part, the same on all ranks. Collective.
  public func evaluate() throws(MPIError) -> [String: Double] {
    let test = data.test
    let microbatch = network.graph.microbatch
    let mine = world.rank * test.count / world.size..<(world.rank + 1) * test.count / world.size
    var center = 0.0
    if case .values(let values) = test.labels { center = Double(values.first ?? 0) }
    var sums = EvaluationSums()
    instruments.compute.spans.begin(.evaluation)
    // The last microbatch is filled up with its last sample, which is not counted again.
    var samples = [Int](repeating: 0, count: microbatch)
    for start in stride(from: mine.lowerBound, to: mine.upperBound, by: microbatch) {
      let count = min(microbatch, mine.upperBound - start)
      for row in 0..<microbatch { samples[row] = start + min(row, count - 1) }
      load(test, samples, 0, training: false)
      executor.forward(training: false)
      sums.add(
        count, of: microbatch, task: network.task, losses: executor.value(of: network.loss, training: false),
        output: executor.value(of: network.output, training: false),
        target: executor.input(network.target, training: false), center: center)
    }
    instruments.compute.spans.end()
    try collective(.evaluation) { () throws(MPIError) in try sums.reduce(on: world) }
    return sums.metrics(for: network.task, loss: network.lossFunction)
  }

  /// Ends the communication thread and frees what ranks share. Collective; call it after the last step. The weights stay readable.
  public func close() {
    if case .shared(let allreduce) = reducer.way, !isClosed {
      executor.leaveSharedMemory()
      // Nobody frees the common weights while another still copies them.
      collective(.end) { allreduce.arenas.computation.meet() }
    }
    isClosed = true
    reducer.close()
    if ownsInstruments { instruments.close() }
  }

  /// Runs `body`, which calls a collective of all ranks other than the sum of a bucket.
  func collective<Result, Failure: Error>(
    _ kind: Collective.Kind, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try instruments.compute.collective(Collective(kind, step: step)) { () throws(Failure) in
      instruments.compute.spans.begin(.collective, kind.rawValue)
      let result = try body()
      instruments.compute.spans.end()
      return result
    }
  }

  private func updateReduced(_ rate: Double, waits: Bool) throws(MPIError) {
    guard let gradients = executor.gradients else { return }
    let statistics = network.graph.statisticsCount
    try reducer.update(waits: waits) { range in
      if range.lowerBound < statistics {
        network.graph.updateStatistics(range, parameters: executor.parameters, means: gradients)
      }
      let trained = max(range.lowerBound, statistics)
      let update = UpdateStep(step: step, learningRate: rate)
      pool.run(over: max(0, range.upperBound - trained), grain: UpdatePieces.length) { [self] part in
        let first = trained + part.lowerBound
        optimizer.update(
          UpdateOperands(
            count: part.count, gradients: gradients.base + first,
            parameters: executor.parameters.base + first,
            firstState: optimizerState.base + first, stateStride: pieces.arenaCount),
          at: update, norms: SquaredNorms())
      }
    }
  }

  /// Copies the microbatch at `first` of `samples` into the network's inputs.
  private func load(_ data: Dataset, _ samples: [Int], _ first: Int, training: Bool) {
    func memory<Element>(_ tensor: Tensor, of type: Element.Type) -> UnsafeMutablePointer<Element> {
      executor.input(tensor, training: training).assumingMemoryBound(to: type)
    }
    samples.withUnsafeBufferPointer { samples in
      let rows = UnsafeBufferPointer(rebasing: samples[first..<first + network.graph.microbatch])
      if let numbers = network.inputs.numbers { data.gather(rows, into: memory(numbers, of: Float.self)) }
      if let codes = network.inputs.codes { data.gather(rows, into: memory(codes, of: Int32.self)) }
      if let lengths = network.inputs.lengths {
        data.gatherLengths(rows, into: memory(lengths, of: Int32.self))
      }
      switch network.task {
      case .classification: data.gatherClasses(rows, into: memory(network.target, of: Int32.self))
      case .regression: data.gatherValues(rows, into: memory(network.target, of: Float.self))
      case .nextToken: data.gatherNextTokens(rows, into: memory(network.target, of: Int32.self))
      }
    }
  }
}
