import BLAS
import Foundation
import Logging
import MPI

/// The loop of a run around a trainer: what is logged, when it is evaluated, and what it all came to.
struct TrainingSession {
  let trainer: Trainer
  /// Of rank 0 only.
  let directory: RunDirectory?
  var display: ProgressDisplay
  /// Nil for a run without files.
  private let checkpointer: Checkpointer?
  private var stepSeconds: [Double] = []
  /// The last one of this life.
  private(set) var evaluation: Evaluation?
  /// When the last checkpoint was begun by the clock.
  private let checkpointClock: CheckpointClock
  private let requests: SaveRequests
  private var stopping: EarlyStopping?
  private var best: BestMetric?
  /// As it was before the last evaluation.
  private var bestBefore: BestMetric?
  /// Whether the last evaluation was the best by the metric whose best checkpoint is kept.
  private var isBest = false

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
    stopping = try EarlyStopping(
      configuration.training.earlyStopping, task: trainer.network.task, heldOut: trainer.data.test.count)
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
      if progress.keptStep >= 0 { try takeUpBest(checkpointer) }
    }
  }

  private var batch: Int { trainer.configuration.training.batch }
  private var epochs: Double { Double(trainer.step) / Double(trainer.stepsPerEpoch) }
  private var wallSeconds: Double { trainer.progress.wallSeconds }

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
      if trainer.progress.skippedInARow == Self.mostSkipped { throw try notFinite() }
      stepSeconds.append(trainer.stepSeconds)
      try checkpointer?.advance(trainer.verdict)
      try completeStep(learningRate: learningRate)
      try saveIfDue()
    }
    // An earlier life may have come as far as this.
    if evaluation == nil, trainer.data.test.count > 0 { evaluation = try trainer.evaluate() }
    try checkpointer?.finish()
  }

  private var isOver: Bool { trainer.step >= trainer.totalSteps || stopping?.isOver == true }

  /// What comes after a step: its line, at the end of an epoch an evaluation.
  private mutating func completeStep(learningRate: Double) throws {
    let training = trainer.configuration.training
    let isEnd = trainer.step == trainer.totalSteps
    if trainer.progress.stepsSinceLine > 0, trainer.step % training.logEverySteps == 0 || isEnd {
      try log(learningRate)
    }
    if trainer.step % trainer.stepsPerEpoch == 0 || isEnd { try endEpoch(isEnd: isEnd) }
  }

  /// A checkpoint, where one is due or was asked for; and the end, where that was asked for.
  private mutating func saveIfDue() throws {
    let every = trainer.configuration.checkpoint.everySteps
    let isBest = isBest
    self.isBest = false
    let verdict = trainer.verdict
    requests.take(isAsked: verdict.saves > 0, step: trainer.step, time: MPI.wallTime())
    let isDue = isBest || verdict.dues > 0 || every > 0 && (trainer.step % every == 0 || isOver)
    let (isAsked, isStopping) = (verdict.saves > 0, verdict.stops > 0)
    guard isDue || isAsked || isStopping, let checkpointer else {
      if isStopping { throw CommonFailure("stopped by a signal after step \(trainer.step)", exitStatus: 75) }
      return
    }
    // The end of the run is near enough.
    if isStopping, isOver, !isBest { return }
    if isBest { checkpointer.spared.insert(trainer.step) }
    let hasBegun = try checkpointer.begin()
    checkpointClock.reset()
    if isBest {
      try settleBest(checkpointer)
      if isOver { return }
    }
    guard isStopping else { return }
    try checkpointer.finish()
    let isCommitted = hasBegun && checkpointer.committedStep == trainer.step
    let directory = directory
    try CommonFailure.agreed(on: trainer.world) {
      let place = "after step \(trainer.step) of \(trainer.totalSteps)"
      if trainer.world.rank == 0, !isCommitted {
        let survives = trainer.configuration.checkpoint.survive
        throw CommonFailure(
          "stopped by a signal \(place), and its checkpoint could not be written"
            + (survives
              ? "; its state stays in memory: the same command on the same hosts goes on, for an hour" : ""))
      }
      throw CommonFailure(
        "stopped by a signal \(place), with a checkpoint; to go on: rondo train ... --output \(directory?.path ?? "")",
        exitStatus: 75)
    }
  }

  /// Takes up what an earlier life knew of the best checkpoint, if it is there. Collective.
  private mutating func takeUpBest(_ checkpointer: Checkpointer) throws {
    let progress = trainer.progress
    if try checkpointer.has(progress.keptStep) {
      best?.restore(progress.keptMetric, step: progress.keptStep)
      checkpointer.spared = [progress.keptStep]
    } else {
      if trainer.world.rank == 0 {
        Logger(label: "rondo.training").warning(
          "the best checkpoint, that of step \(progress.keptStep), is not among this run's; the next evaluation counts as the best"
        )
      }
      (trainer.progress.keptMetric, trainer.progress.keptStep) = (0, -1)
    }
  }

  /// Waits for the best checkpoint: the next update takes these weights away. Only where it is there its evaluation is recorded, and the best one
  /// before goes; where it cannot be written, that one stays the best. Collective.
  ///
  /// A run that is killed before its evaluation is recorded makes it again, and writes the checkpoint.
  private mutating func settleBest(_ checkpointer: Checkpointer) throws {
    try checkpointer.finish()
    if try checkpointer.hasCommitted(trainer.step) {
      recordLine()
      checkpointer.spared = [trainer.step]
      checkpointer.retain()
    } else {
      best = bestBefore
      (trainer.progress.keptMetric, trainer.progress.keptStep) = (best?.value ?? 0, best?.step ?? -1)
      checkpointer.spared.remove(trainer.step)
      recordLine()
    }
  }

  /// Steps in a row that may change nothing since gradients were not finite.
  private static let mostSkipped = 10

  /// Collective.
  private func notFinite() throws(MPIError) -> CommonFailure {
    let names = try trainer.notFiniteTensors()
    let rest = names.count > 4 ? " and \(names.count - 4) more" : ""
    return CommonFailure(
      "step \(trainer.step): the gradients of \(Self.mostSkipped) steps in a row were not finite (\(names.prefix(4).joined(separator: ", "))"
        + "\(rest)), and these steps changed nothing; lower training.optimizer.learning_rate, add training.schedule.warmup_steps, "
        + "or set data.standardize for features of large values")
  }

  private mutating func log(_ learningRate: Double) throws {
    let progress = trainer.progress
    let steps = Double(progress.stepsSinceLine)
    let metrics = StepMetrics(
      step: trainer.step, epoch: epochs, loss: progress.lossSinceLine / steps, learningRate: learningRate,
      samplesPerSecond: samplesPerSecond(progress), wallSeconds: wallSeconds)
    try write(JSONLine.encode(metrics))
    display.show(metrics)
    trainer.progress.lossSinceLine = 0
    trainer.progress.stepsSinceLine = 0
    trainer.progress.secondsSinceLine = 0
    recordLine()
  }

  /// Since the line before.
  private func samplesPerSecond(_ progress: TrainingProgress) -> Double {
    let seconds = progress.secondsSinceLine
    return seconds > 0 ? Double(progress.stepsSinceLine * batch) / seconds : 0
  }

  /// Records that a line is written. Only the memory of rank 0 knows of it: another rank may come as far as this before the line is there, and
  /// a run that went on from its memory would leave the line out.
  private func recordLine() {
    if trainer.world.rank == 0 { trainer.record() }
  }

  private mutating func endEpoch(isEnd: Bool) throws {
    if trainer.progress.stepsInEpoch > 0 {
      trainer.progress.trainLoss = trainer.progress.lossInEpoch / Double(trainer.progress.stepsInEpoch)
      trainer.progress.lossInEpoch = 0
      trainer.progress.stepsInEpoch = 0
      recordLine()
    }
    let every = trainer.configuration.training.evaluateEveryEpochs
    let isDue = every > 0 && trainer.step % (every * trainer.stepsPerEpoch) == 0
    guard isEnd || isDue, trainer.data.test.count > 0 else { return }
    if trainer.progress.evaluatedStep == trainer.step { return }
    let evaluation = try trainer.evaluate()
    self.evaluation = evaluation
    let metrics = EvaluationMetrics(
      step: trainer.step, epoch: epochs, evaluation: evaluation.metrics, wallSeconds: wallSeconds)
    try write(JSONLine.encode(metrics))
    display.show(metrics)
    try judge(evaluation)
    trainer.progress.evaluatedStep = trainer.step
    // The best one is recorded with its checkpoint.
    if !isBest { recordLine() }
  }

  /// What an evaluation means for the course of the run.
  private mutating func judge(_ evaluation: Evaluation) throws {
    let step = trainer.step
    if let metric = stopping?.best.metric {
      let value = try evaluation.value(of: metric, for: "training.early_stopping.metric")
      if stopping?.record(value, step: step) == true {
        (trainer.progress.bestMetric, trainer.progress.bestStep) = (value, step)
      }
      trainer.progress.evaluationsSinceBest = stopping?.evaluationsSinceBest ?? 0
      if stopping?.isOver == true {
        display.say(
          "stops early: \(metric.rawValue) has not got better since step \(trainer.progress.bestStep)")
      }
    }
    if let metric = best?.metric {
      let value = try evaluation.value(of: metric, for: "checkpoint.best")
      bestBefore = best
      isBest = best?.record(value, step: step) == true
      if isBest { (trainer.progress.keptMetric, trainer.progress.keptStep) = (value, step) }
    }
  }

  /// A line of `metrics.jsonl`. Only rank 0 can fail here; its error ends the job.
  private func write(_ line: String) throws { try directory?.append(line) }

  /// Collective.
  func summarize() throws -> Summary {
    let size = trainer.world.size
    trainer.record()
    let progress = trainer.progress
    let memory = try trainer.collective(.memory) { () throws(MPIError) in
      try trainer.world.allreduce(peakMemoryBytes(), .maximum)
    }
    let buckets = size == 1 ? [] : trainer.reducer.buckets
    let names = trainer.reducer.names
    let algorithms = Dictionary(
      zip(buckets, names).map { (String($0.count * 4), $1) }, uniquingKeysWith: { a, _ in a })
    let trained = Double(progress.step * batch)
    return Summary(
      name: trainer.configuration.name, steps: trainer.step, epochs: epochs,
      samplesPerSecond: trained / max(progress.trainingSeconds, .leastNormalMagnitude),
      stepSecondsMedian: median(stepSeconds), trainLoss: progress.trainLoss,
      evaluation: evaluation?.metrics ?? [:], weightsSha256: trainer.executor.weightsSHA256, ranks: size,
      threadsPerRank: trainer.pool.threads, reproducible: trainer.configuration.training.reproducible,
      blasKernel: BLAS.kernelName,
      allreduce: algorithms,
      communication: .init(
        bytes: progress.bytesSent, seconds: progress.communicationSeconds,
        exposedSeconds: progress.exposedSeconds),
      peakMemoryBytes: memory, wallSeconds: wallSeconds, skippedSteps: progress.skippedSteps,
      restarts: directory?.identity.restarts ?? 0)
  }
}
