import BLAS
import Collectives
import MPI

// What is told of a run: its lines of metrics, its evaluations, its summary.
extension TrainingSession {
  private var batch: Int { trainer.configuration.training.batch }
  private var epochs: Double { Double(trainer.step) / Double(trainer.stepsPerEpoch) }
  private var wallSeconds: Double { trainer.progress.wallSeconds }

  /// Writes a line of metrics.
  mutating func log(_ learningRate: Double) throws {
    let progress = trainer.progress
    let metrics = StepMetrics(
      step: trainer.step, epoch: epochs, loss: progress.meanLossSinceLine, learningRate: learningRate,
      samplesPerSecond: samplesPerSecond(progress), wallSeconds: wallSeconds)
    try write(JSONLine.encode(metrics))
    display.show(metrics)
    trainer.progress.beginLine()
    recordLine()
  }

  /// Since the line before.
  private func samplesPerSecond(_ progress: TrainingProgress) -> Double {
    let seconds = progress.secondsSinceLine
    return seconds > 0 ? Double(progress.stepsSinceLine * batch) / seconds : 0
  }

  /// Records that a line is written. Only the memory of rank 0 knows of it: another rank may come as far as this before the line is there, and
  /// a run that went on from its memory would leave the line out.
  func recordLine() {
    if trainer.world.rank == 0 { trainer.record() }
  }

  /// Closes the sums of an epoch, and evaluates where that is due.
  mutating func endEpoch(isEnd: Bool) throws {
    if trainer.progress.stepsInEpoch > 0 {
      trainer.progress.beginEpoch()
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
    // Other metrics of outputs that are no numbers look like those of a model.
    let isNumber = evaluation[.loss]?.isNaN != true
    if let metric = stopping?.best.metric {
      let found = try evaluation.value(of: metric, for: "training.early_stopping.metric")
      let value = isNumber ? found : .nan
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
      let found = try evaluation.value(of: metric, for: "checkpoint.best")
      let value = isNumber ? found : .nan
      bestBefore = best
      isBest = best?.record(value, step: step) == true
      if isBest { trainer.progress.keep(by: metric, value, step: step) }
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
      stepSecondsMedian: stepSeconds.median, trainLoss: progress.trainLoss,
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
