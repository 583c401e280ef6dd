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
  public var step: Int { progress.step }
  public let totalSteps: Int
  public let stepsPerEpoch: Int

  /// What the run knows of its course. `record` makes changes survive.
  var progress = TrainingProgress()
  /// Where the state came from that this life of the run began with.
  let origin: StateContents.Origin
  /// What this rank has to say in each step's verdict besides what the step itself gives; and what all have said in the last one.
  var report: (inout StepVerdict) -> Void = { _ in }
  private(set) var verdict = StepVerdict()
  /// When this life of the run began, in `MPI.wallTime`, and what it came to before.
  var beginning = MPI.wallTime()
  private(set) var before = TrainingProgress()

  let reducer: GradientReducer
  /// What is known of this rank's threads: times, and where they stand.
  let instruments: Instruments
  private let ownsInstruments: Bool
  /// How long the last step took.
  private(set) var stepSeconds = 0.0
  let world: Communicator
  let pool: ThreadPool
  let state: TrainingState
  private let schedule: LearningRateSchedule
  let leaves: LeafGradients
  private let verdicts: VerdictExchange
  let updater: ParameterUpdate
  let pieces: UpdatePieces
  let optimizerName: String
  /// The pieces that this rank updates, as runs.
  let ownPieces: [Range<Int>]
  /// Those of other ranks of whose share it keeps a copy.
  let keptPieces: [Range<Int>]
  /// What the ranks of this host share.
  let arenas: SharedArenas?
  /// Of each bucket what this rank updates as soon as it is there, as runs of pieces; nil where all updates begin at the end, on all ranks.
  let earlyPieces: [[Range<Int>]]?
  let order: SampleOrder
  /// The samples of one epoch in their order, and which epoch that is.
  var epochOrder: [Int]
  var orderedEpoch = -1

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
  /// - Throws: `ConfigurationError` for a configuration that does not fit the number of ranks, on all of them; `CommonFailure` where ranks
  ///   have different ones.
  public convenience init(
    _ configuration: Configuration, data: DatasetSplit, network: Network, optimizer: (any Optimizer)? = nil,
    pool: ThreadPool, world: borrowing Communicator
  ) throws {
    try configuration.checkIsSame(on: world)
    try configuration.validate(ranks: world.size)
    try self.init(
      configuration, data: data, network: network, optimizer: optimizer, pool: pool,
      instruments: Instruments(configuration.communication, world: world), ownsInstruments: true,
      world: world)
  }

  /// As above, with instruments that saw what came before.
  ///
  /// - Parameters:
  ///   - ownsInstruments: whether `close` closes them.
  ///   - resumption: nil for training that cannot be resumed.
  init(
    _ configuration: Configuration, data: DatasetSplit, network: Network, optimizer: (any Optimizer)? = nil,
    pool: ThreadPool, instruments: Instruments, ownsInstruments: Bool = false,
    resumption: Resumption? = nil, world: borrowing Communicator
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
    self.pool = pool
    self.world = try world.duplicate()
    schedule = ReadyMade.schedule(training.schedule, totalSteps: totalSteps)

    let graph = network.graph
    let rule = optimizer ?? ReadyMade.optimizer(training.optimizer)
    let rules = UpdateRules(
      graph, optimizer: rule, clipping: ReadyMade.clipping(training),
      groups: try ReadyMade.groups(graph, training.optimizer), average: ReadyMade.average(training))
    let pieces = UpdatePieces(graph)
    self.pieces = pieces
    optimizerName = rule.name
    var core = StateLayout.Core(
      arenaCount: graph.arenaCount, stateCount: rules.stateCount, pieceCount: pieces.pieces.count)
    let share = try StepShare(
      configuration, threads: pool.threads, isJournaled: resumption?.run != nil, world: world)
    let survival = resumption?.run.map {
      SurvivingState(run: $0, model: Self.identity(graph, rules), directory: resumption?.directory)
    }
    let buckets = { [ranks = world.size] way in
      Bucket.ranges(
        count: graph.arenaCount, bytes: configuration.communication.bucketBytes, way, ranks: ranks,
        boundary: { pieces.boundary(notBelow: $0) })
    }
    let early = { core, way in
      EarlyUpdates(
        pieces, buckets: buckets(way), needsNorms: rules.needsNorms, core: core, buffers: share.buffers,
        keepsCopies: share.isJournaled, communication: configuration.communication)
    }
    let choice = try AllreduceChoice(
      configuration, count: graph.arenaCount,
      sharedBytes: { [core] way, members in
        StateLayout(core: core, tail: share.tail(way, members: members, early: early(core, way))).byteCount
      }, leftBytes: survival?.leftBytes ?? 0, world: world)
    let keepers = try ShareKeepers(
      configuration, choice.way, survives: resumption?.run != nil, world: world)
    if choice.way.isSharded {
      core.share = StateShare(
        of: buckets(choice.way), rank: world.rank, size: world.size, keepers: keepers)
    }
    let earlyUpdates = early(core, choice.way)
    let group = try choice.way.sharesMemory ? world.splitByHost() : world.split(color: world.rank, key: 0)
    let found = try TrainingState.making(
      StateLayout(core: core, tail: share.tail(choice.way, members: group.size, early: earlyUpdates)),
      survival: survival, group: group, world: world,
      finisher: UpdateFinisher(
        update: { ParameterUpdate($0, pieces: pieces, rules: rules, pool: pool) },
        learningRate: { [schedule] in training.learningRate * schedule.factor(step: $0) }))
    state = found.state
    state.keepsAverage = rules.average != nil
    let row = instruments.compute
    var start = StateContents.Start { [configuration] state in
      try state.initialize(graph, configuration)
    }
    start.initializesEverywhere = configuration.training.initialWeights.path == nil
    if let resumption {
      start.stored = { step in try row.files { try resumption.stored(after: step) } }
      start.load = { [optimizerName] state, path in
        try row.files { try resumption.load(graph, state, optimizer: optimizerName, path: path) }
      }
    }
    do {
      (progress, origin) = try StateContents.settle(found, start: start, group: group, world: world)
    } catch let failure as any CommonError {
      // New memory has nothing in it yet that anybody would look for. Of ranks that share it, the first knows.
      if group.rank == 0, found.progress == nil { found.state.file.unlinkName() }
      throw failure
    }
    before = progress
    executor = Executor(
      graph, pool: pool, seed: configuration.seed, parameters: state.parameters,
      gradients: state.ownGradients, addsWhole: LeafGradients.addsWhole(share.tree, run: share.run))
    arenas =
      try choice.way.sharesMemory
      ? state.arenas(threads: pool.threads, boundary: { pieces.boundary(notBelow: $0) }, on: group) : nil
    reducer = try GradientReducer(
      choice, buckets: buckets(choice.way), leaves: training.microbatchCount, gradients: state.ownGradients,
      gradientStride: state.gradientStride, arenas: arenas, keepers: keepers,
      communication: configuration.communication, instruments: instruments, firstStep: progress.step,
      world: world)
    let shares =
      if case .shared = choice.way { [pieces.share(world.rank, of: world.size)] } else { reducer.shares }
    ownPieces = shares.map { pieces.indices(in: $0) }.filter { !$0.isEmpty }
    keptPieces = reducer.copies.map { pieces.indices(in: $0) }.filter { !$0.isEmpty }
    earlyPieces = earlyUpdates.map { [reducer] early in
      reducer.buckets.map { bucket in
        ([reducer.share(of: bucket)] + reducer.copies(of: bucket)).map { pieces.indices(in: $0) }
          .map { max($0.lowerBound, early.first)..<max($0.upperBound, early.first) }.filter { !$0.isEmpty }
      }
    }
    for index in (ownPieces + keptPieces).joined() { state.owners[index] = Int32(state.member) }
    leaves = LeafGradients(
      share.tree, run: share.run, of: training.microbatchCount, arenas: state.ownGradients,
      leavesLastSums: state.layout.tail.leaves > 0, pool: pool)
    updater = ParameterUpdate(state, pieces: pieces, rules: rules, pool: pool)
    verdicts = try VerdictExchange(arenas, state, world: world)
    if let progress = verdicts.progress { instruments.compute.follow(progress) }
  }

  /// Names what the memory of a state is for: the tensors, in their order, and what is kept for each element.
  private static func identity(_ graph: Graph, _ rules: UpdateRules) -> UInt64 {
    let tensors = graph.parameters.map { "\($0.name) \($0.shape)" }.joined(separator: ", ")
    return ContentHash.fnv1a("\(rules.optimizer.name) \(rules.stateCount): \(tensors)".utf8)
  }

  /// The learning rate of the coming step.
  public var learningRate: Double { learningRate(step: step) }

  /// - Parameter step: counted from 0.
  func learningRate(step: Int) -> Double { configuration.training.learningRate * schedule.factor(step: step) }

  /// One optimizer update. Collective.
  ///
  /// - Returns: the mean loss of the global batch, before the update: the same on all ranks.
  @discardableResult public func trainStep() throws(MPIError) -> Double {
    let update = UpdateStep(step: step, learningRate: learningRate)
    let spans = instruments.compute.spans
    spans.step = step
    spans.begin(.step)
    let own = computeGradients()
    let computed = spans.latest.end
    // Whoever knows the verdict begins to update. By then each share's sums are complete where they are, so that all updates can be finished,
    // or else ranks agree once more.
    let agreesLast = reducer.way.sharesSums && earlyPieces == nil
    if agreesLast { try reducer.finish(computed: computed) }
    verdict = try agree(own)
    if !agreesLast {
      try reducer.finish(computed: computed) { begin($0, update) }
      if reducer.way.sharesSums, state.layout.tail.isJournaled { try meetAll() }
    }
    let loss = verdict.lossSum / Double(configuration.training.batch)
    var isSkipped = verdict.notFinite > 0
    if !isSkipped, verdict.large > 0 { isSkipped = try !sumsAreFinite() }
    progress.add(loss: loss, isSkipped: isSkipped)
    // Where the step is finished by a later life, the time of its update is all that is missing.
    let elapsed = spans.elapsed
    addSeconds(elapsed)
    record()
    try self.update(update, isSkipped: isSkipped)
    spans.step = step
    stepSeconds = spans.end()
    addSeconds(stepSeconds - elapsed)
    return loss
  }

  private func addSeconds(_ seconds: Double) {
    progress.trainingSeconds += seconds
    progress.secondsSinceLine += seconds
  }

  /// Makes `progress` outlive the ranks with the state of its step.
  func record() {
    progress.wallSeconds = before.wallSeconds + MPI.wallTime() - beginning
    progress.bytesSent = before.bytesSent + reducer.statistics.bytesSent
    let exposed = instruments.exposedSeconds
    progress.communicationSeconds = before.communicationSeconds + exposed + reducer.hiddenSeconds
    progress.exposedSeconds = before.exposedSeconds + exposed
    if state.layout.tail.isJournaled { state.record(progress) }
  }

  /// Returns when all ranks have their sums, so that whoever begins to update knows that all updates can be finished.
  private func meetAll() throws(MPIError) {
    try instruments.compute.collective(Collective(.weights, step: step)) { () throws(MPIError) in
      instruments.compute.spans.begin(.rendezvous)
      try verdicts.meet()
      instruments.compute.spans.end()
    }
  }

  /// The verdicts of all ranks as one. In shared memory all gradients are there then.
  func agree(_ verdict: StepVerdict) throws(MPIError) -> StepVerdict {
    if case .alone = reducer.way { return verdict }
    return try instruments.compute.collective(Collective(.verdict, step: step)) { () throws(MPIError) in
      instruments.compute.spans.begin(.rendezvous)
      let common = try verdicts.exchange(verdict)
      instruments.compute.spans.end()
      return common
    }
  }

  /// Ends the communication thread. Collective; call it after the last step. The weights stay readable.
  public func close() {
    reducer.close()
    // What reports may hold the trainer.
    report = { _ in }
    if ownsInstruments { instruments.close() }
  }

  /// What an evaluation runs on: the average of the weights where one is kept, as `average()` has brought it together, else the weights.
  private(set) lazy var evaluated: Executor = {
    guard state.keepsAverage else { return executor }
    let average = state.average ?? state.ownGradients[0]
    return Executor(
      network.graph, pool: pool, seed: configuration.seed, parameters: average,
      gradients: state.ownGradients)
  }()

  /// Runs `body`, which calls a collective of all ranks other than the sum of a bucket.
  func collective<Result, Failure: Error>(
    _ kind: Collective.Kind, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try instruments.compute.collective(Collective(kind, step: step)) { () throws(Failure) in
      instruments.compute.spans.begin(.collective, kind.rawValue)
      defer { instruments.compute.spans.end() }
      return try body()
    }
  }
}
