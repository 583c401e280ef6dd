import Logging
import MPI

/// The loop of a run around a trainer: what is logged, when it is evaluated, and what it all came to.
struct TrainingSession {
  let trainer: Trainer
  /// Of rank 0 only.
  let directory: RunDirectory?
  var display: ProgressDisplay
  /// Nil for a run without files.
  let checkpointer: Checkpointer?
  private(set) var stepSeconds: [Double] = []
  /// The last one of this life.
  var evaluation: Evaluation?
  /// When the last checkpoint was begun by the clock.
  let checkpointClock: CheckpointClock
  let requests: SaveRequests
  /// The step of the last checkpoint that this life began.
  var savedStep = -1
  var stopping: EarlyStopping?
  var best: BestMetric?
  /// As it was before the last evaluation.
  var bestBefore: BestMetric?
  /// Whether the last evaluation was the best by the metric whose best checkpoint is kept.
  var isBest = false

  init(
    _ trainer: Trainer, directory: RunDirectory?, display: ProgressDisplay, checkpointer: Checkpointer?,
    handlesSignals: Bool
  ) throws {
    self.trainer = trainer
    self.directory = directory
    self.display = display
    self.checkpointer = checkpointer
    stepSeconds.reserveCapacity(min(trainer.totalSteps - trainer.step, 1 << 20))
    let (configuration, progress) = (trainer.configuration, trainer.progress)
    stopping = EarlyStopping(configuration.training.earlyStopping)
    stopping?.restore(
      progress.bestMetric, step: progress.bestStep, evaluationsSinceBest: progress.evaluationsSinceBest)
    let clock = CheckpointClock(minutes: trainer.configuration.checkpoint.everyMinutes)
    checkpointClock = clock
    let keepsTime = trainer.world.rank == 0 && checkpointer != nil
    let requests = SaveRequests()
    self.requests = requests
    trainer.report = { [unowned trainer] verdict in
      checkpointer?.report(in: &verdict)
      if keepsTime, clock.isDue { verdict.dues = 1 }
      guard handlesSignals else { return }
      let hasSignal = RunSignals.takeSave()
      if requests.asks(hasSignal: hasSignal, step: trainer.step, time: MPI.wallTime()) { verdict.saves = 1 }
      if RunSignals.isStopping { verdict.stops = 1 }
    }
    if let checkpointer, let metric = configuration.checkpoint.best {
      best = BestMetric(metric)
      if progress.keptBy.map({ $0 != metric }) == true {
        trainer.progress.forgetKept()
      } else if progress.keptStep >= 0 {
        try takeUpBest(checkpointer)
      }
    } else {
      // A later life may want the best by another metric.
      trainer.progress.forgetKept()
    }
  }

  mutating func announce() {
    let training = trainer.configuration.training
    let size = trainer.world.size
    let parameters = ProgressDisplay.grouped(Double(trainer.network.graph.parameterCount))
    display.say(
      "\(trainer.configuration.name): \(parameters) parameters, \(trainer.data.train.count) training and "
        + "\(trainer.data.test.count) held-out samples")
    display.say(
      "\(size) rank\(size == 1 ? "" : "s") x \(trainer.pool.threads) thread\(trainer.pool.threads == 1 ? "" : "s")"
        + ", batch \(training.batch) in \(training.microbatchCount) microbatches of \(training.microbatch), "
        + "\(trainer.totalSteps) steps"
        + (size > 1 ? ", allreduce \(trainer.reducer.names.first ?? "")" : "")
        + (trainer.reducer.choiceSource.map { " (\($0))" } ?? ""))
    switch trainer.origin {
    case .beginning: break
    case .memory: display.say("goes on after step \(trainer.step), which was in memory")
    case .checkpoint: display.say("goes on after step \(trainer.step), from its checkpoint")
    }
    if let refusal = trainer.reducer.overlapRefusal, size > 1, trainer.world.rank == 0 {
      Logger(label: "rondo.training").warning("\(refusal)")
    }
  }

  /// Trains to the end of the run.
  ///
  /// - Throws: `CommonFailure` with exit status 75 when the run was asked to stop, with its checkpoint written.
  mutating func train() throws {
    if trainer.step > 0 {
      // What an earlier life had yet to do after its last step.
      try completeStep(learningRate: trainer.learningRate(step: trainer.step - 1))
      if isBest { try saveIfDue() }
    }
    while !isOver {
      let learningRate = trainer.learningRate
      try trainer.trainStep()
      let skipped = trainer.progress.skippedInARow
      if skipped >= Self.mostSkipped || skipped == trainer.totalSteps { throw try notFinite() }
      stepSeconds.append(trainer.stepSeconds)
      try checkpointer?.advance(trainer.verdict)
      try completeStep(learningRate: learningRate)
      if isOver { try checkWeights() }
      try saveIfDue()
    }
    // An earlier life may have come as far as this.
    if evaluation == nil, trainer.data.test.count > 0 { evaluation = try trainer.evaluate() }
    if stepSeconds.isEmpty { try checkWeights() }
    try saveLast()
    try checkpointer?.finish()
  }

  var isOver: Bool { trainer.step >= trainer.totalSteps || stopping?.isOver == true }

  /// What comes after a step: its line, at the end of an epoch an evaluation.
  private mutating func completeStep(learningRate: Double) throws {
    let training = trainer.configuration.training
    let isEnd = trainer.step == trainer.totalSteps
    if trainer.progress.stepsSinceLine > 0, trainer.step % training.logEverySteps == 0 || isEnd {
      try log(learningRate)
    }
    if trainer.step % trainer.stepsPerEpoch == 0 || isEnd { try endEpoch(isEnd: isEnd) }
  }

  /// Steps in a row that may change nothing since gradients were not finite.
  private static let mostSkipped = 10

  /// Waits for the checkpoint under way. Collective.
  private func notFinite() throws -> CommonFailure {
    try checkpointer?.finish()
    let names = try trainer.notFiniteTensors()
    let what = names.isEmpty ? "losses" : "gradients"
    let steps = trainer.progress.skippedInARow
    return CommonFailure(
      "step \(trainer.step): the \(what) of \(steps) step\(steps == 1 ? "" : "s in a row") were not finite\(Self.listed(names)), and changed nothing; "
        + Self.remedy, endsRun: true)
  }

  /// Refuses to end with weights that say nothing: an update with finite gradients has made them so, and no ten steps came after it that would
  /// have been skipped. The checkpoints before are still there. Collective.
  private func checkWeights() throws {
    let names = trainer.notFiniteWeights
    guard let found = try trainer.world.agree(names.isEmpty ? nil : Self.listed(names)) else { return }
    try checkpointer?.finish()
    throw CommonFailure(
      "step \(trainer.step): the weights are not finite\(found.text): the run has diverged; \(Self.remedy)",
      endsRun: true)
  }

  private static func listed(_ names: [String]) -> String {
    let rest = names.count > 4 ? " and \(names.count - 4) more" : ""
    return names.isEmpty ? "" : " (\(names.prefix(4).joined(separator: ", "))\(rest))"
  }

  private static let remedy =
    "lower training.optimizer.learning_rate, add training.schedule.warmup_steps, or set data.standardize for features of large values"
}
