import Logging
import MPI

// When checkpoints are written, and which is the best.
extension TrainingSession {
  /// A checkpoint, where one is due or was asked for; and the end, where that was asked for.
  mutating func saveIfDue() throws {
    let every = trainer.configuration.checkpoint.everySteps
    let isBest = isBest
    self.isBest = false
    let verdict = trainer.verdict
    requests.take(isAsked: verdict.saves > 0, step: trainer.step, time: MPI.wallTime())
    // Steps that are skipped change nothing.
    let isNew = trainer.step - trainer.progress.skippedInARow > savedStep || isOver
    let isDue =
      isBest || isNew && (verdict.dues > 0 || every > 0 && (trainer.step % every == 0 || isOver))
    let (isAsked, isStopping) = (verdict.saves > 0, verdict.stops > 0)
    guard isDue || isAsked || isStopping, let checkpointer else {
      if isStopping { throw CommonFailure("stopped by a signal after step \(trainer.step)", exitStatus: 75) }
      return
    }
    // The end of the run is near enough.
    if isStopping, isOver, !isDue { return }
    if isBest { checkpointer.spared.insert(trainer.step) }
    try directory?.check()
    let hasBegun = try checkpointer.begin()
    savedStep = trainer.step
    checkpointClock.reset()
    if isBest { try settleBest(checkpointer) }
    guard isStopping, !isOver else { return }
    try checkpointer.finish()
    let isCommitted = hasBegun && checkpointer.committedStep == trainer.step
    do { try directory?.closeMetrics() } catch { Logger(label: "rondo.training").warning("\(error)") }
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

  /// The checkpoint of the last step, where an earlier life did that step and did not come to write it. Collective.
  func saveLast() throws {
    guard stepSeconds.isEmpty, trainer.step > 0, trainer.configuration.checkpoint.everySteps > 0,
      let checkpointer,
      try !checkpointer.has(trainer.step)
    else { return }
    try directory?.check()
    try checkpointer.begin()
  }

  /// Takes up what an earlier life knew of the best checkpoint, if it is there. Collective.
  mutating func takeUpBest(_ checkpointer: Checkpointer) throws {
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
      trainer.progress.forgetKept()
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
      trainer.progress.forgetKept()
      if let best, let value = best.value, let step = best.step {
        trainer.progress.keep(by: best.metric, value, step: step)
      }
      checkpointer.spared.remove(trainer.step)
      recordLine()
    }
  }
}
