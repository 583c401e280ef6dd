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
  /// When the run began, in `MPI.wallTime`.
  let start: Double

  private var stepSeconds: [Double] = []
  /// Sums of the steps' mean losses since the last line, and in this epoch.
  private var lossSinceLine = 0.0
  private var lossInEpoch = 0.0
  private var stepsSinceLine = 0
  private var stepsInEpoch = 0
  private var secondsSinceLine = 0.0
  private var trainLoss = 0.0
  /// The last one.
  private(set) var evaluation: Evaluation?

  init(_ trainer: Trainer, directory: RunDirectory?, display: ProgressDisplay, start: Double) {
    self.trainer = trainer
    self.directory = directory
    self.display = display
    self.start = start
    stepSeconds.reserveCapacity(min(trainer.totalSteps, 1 << 20))
  }

  private var batch: Int { trainer.configuration.training.batch }
  private var epochs: Double { Double(trainer.step) / Double(trainer.stepsPerEpoch) }
  private var wallSeconds: Double { MPI.wallTime() - start }

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
    if let refusal = trainer.reducer.overlapRefusal, size > 1, trainer.world.rank == 0 {
      Logger(label: "rondo.training").warning("\(refusal)")
    }
  }

  mutating func train() throws {
    let training = trainer.configuration.training
    while trainer.step < trainer.totalSteps {
      let learningRate = trainer.learningRate
      let loss = try trainer.trainStep()
      if trainer.progress.skippedInARow == Self.mostSkipped { throw try notFinite() }
      let seconds = trainer.stepSeconds
      stepSeconds.append(seconds)
      secondsSinceLine += seconds
      lossSinceLine += loss
      lossInEpoch += loss
      stepsSinceLine += 1
      stepsInEpoch += 1
      let isEpochEnd = trainer.step % trainer.stepsPerEpoch == 0
      let isEnd = trainer.step == trainer.totalSteps
      if trainer.step % training.logEverySteps == 0 || isEnd { try log(learningRate) }
      if isEpochEnd || isEnd { try endEpoch(isEnd: isEnd) }
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
    let samples = Double(stepsSinceLine * batch)
    let metrics = StepMetrics(
      step: trainer.step, epoch: epochs, loss: lossSinceLine / Double(stepsSinceLine),
      learningRate: learningRate, samplesPerSecond: samples / secondsSinceLine, wallSeconds: wallSeconds)
    try write(JSONLine.encode(metrics))
    display.show(metrics)
    (lossSinceLine, stepsSinceLine, secondsSinceLine) = (0, 0, 0)
  }

  private mutating func endEpoch(isEnd: Bool) throws {
    trainLoss = lossInEpoch / Double(stepsInEpoch)
    (lossInEpoch, stepsInEpoch) = (0, 0)
    let every = trainer.configuration.training.evaluateEveryEpochs
    let isDue = every > 0 && trainer.step % (every * trainer.stepsPerEpoch) == 0
    guard isEnd || isDue, trainer.data.test.count > 0 else { return }
    let evaluation = try trainer.evaluate()
    self.evaluation = evaluation
    let metrics = EvaluationMetrics(
      step: trainer.step, epoch: epochs, evaluation: evaluation.metrics, wallSeconds: wallSeconds)
    try write(JSONLine.encode(metrics))
    display.show(metrics)
  }

  /// A line of `metrics.jsonl`. Only rank 0 can fail here; its error ends the job.
  private func write(_ line: String) throws { try directory?.append(line) }

  /// Collective.
  func summarize() throws -> Summary {
    let size = trainer.world.size
    let instruments = trainer.instruments
    let memory = try trainer.collective(.memory) { () throws(MPIError) in
      try trainer.world.allreduce(peakMemoryBytes(), .maximum)
    }
    let buckets = size == 1 ? [] : trainer.reducer.buckets
    let names = trainer.reducer.names
    return Summary(
      name: trainer.configuration.name, steps: trainer.step, epochs: epochs,
      samplesPerSecond: Double(trainer.step * batch) / max(stepSeconds.reduce(0, +), .leastNormalMagnitude),
      stepSecondsMedian: median(stepSeconds), trainLoss: trainLoss,
      evaluation: evaluation?.metrics ?? [:], weightsSha256: trainer.executor.weightsSHA256, ranks: size,
      threadsPerRank: trainer.pool.threads, reproducible: trainer.configuration.training.reproducible,
      blasKernel: BLAS.kernelName,
      allreduce: Dictionary(
        zip(buckets, names).map { (String($0.count * 4), $1) },
        uniquingKeysWith: { a, _ in a }),
      communication: .init(
        bytes: trainer.reducer.statistics.bytesSent, seconds: instruments.communicationSeconds,
        exposedSeconds: instruments.exposedSeconds),
      peakMemoryBytes: memory, wallSeconds: wallSeconds,
      restarts: 0)
  }
}
