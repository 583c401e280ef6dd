import BLAS
import Graph
import Logging
import MPI
import Optimizers

/// A whole run: data, training, evaluation, metrics, summary.
///
///     try MPI.run { world in
///       let summary = try TrainingRun(configuration, threads: 4).run(on: world)
///     }
public struct TrainingRun {
  public var configuration: Configuration
  /// The threads of this rank.
  public var pool: ThreadPool
  /// The run directory; nil chooses one under `runs`.
  public var output: String?
  /// From features to logits or values; nil for the configuration's ready-made model.
  public var model: ((Tensor) -> Tensor)?
  /// Nil for the configuration's.
  public var optimizer: (any Optimizer)?
  /// Writes `timeline.json` into the run directory: what each thread of each rank did when.
  public var timeline = false
  /// JSON lines on standard output instead of progress for people.
  public var json = false
  /// Nothing on standard output.
  public var silent = false
  /// What is done with what earlier lives of the run have left.
  public var resume = ResumePolicy.auto
  /// Whether SIGUSR1 writes a checkpoint, and SIGUSR2, SIGTERM and SIGINT write one and end the run with exit status 75; before the first step
  /// they end the job at once, also with 75.
  public var handlesSignals = false

  public init(_ configuration: Configuration, pool: ThreadPool, output: String? = nil) {
    self.configuration = configuration
    self.pool = pool
    self.output = output
  }

  /// A run with so many threads on each rank.
  public init(_ configuration: Configuration, threads: Int = 1, output: String? = nil) {
    self.init(configuration, pool: ThreadPool(threads: threads), output: output)
  }

  /// Trains to the end. Collective: all ranks of `world` run it with the same configuration.
  ///
  /// - Returns: the summary; that of the directory's run if it is finished.
  /// - Throws: `CommonFailure`, the same on all ranks, for whatever is wrong with configuration, data, model or run directory at the start,
  ///   for gradients that are not finite ten steps in a row, for what the run came to where that cannot be written, and, with exit status 75,
  ///   when a signal has ended the run early. `RunDirectoryError`, on rank 0 alone, when another run has taken the directory meanwhile.
  public func run(on world: borrowing Communicator) throws -> Summary {
    let start = MPI.wallTime()
    try configuration.checkIsSame(["--timeline is \(timeline)"], on: world)
    let instruments = try Instruments(
      configuration.communication, spans: timeline ? Timeline.capacity(ranks: world.size) : 0, world: world)
    do {
      let summary = try run(instruments, start: start, on: world)
      instruments.close()
      return summary
    } catch let failure as any CommonError {
      // All ranks are here. Any other error ends the job, and must not wait for them.
      instruments.close()
      throw failure
    }
  }

  private func run(
    _ instruments: Instruments, start: Double, on world: borrowing Communicator
  ) throws -> Summary {
    if handlesSignals { RunSignals.install() }
    let earlyEnd = handlesSignals ? EarlyEnd(rank: world.rank) : nil
    defer { earlyEnd?.close() }
    let program = residentMemoryBytes()
    if let summary = try finished(instruments, on: world) { return summary }
    let (data, network) = try load(instruments, program: program, on: world)
    let place = try place(data, instruments, on: world)
    // The job that had the directory until now may have come to the end of the run.
    if let summary = try finished(instruments, on: world) { return summary }
    let names = try instruments.compute.collective(Collective(.directory)) { () throws(MPIError) in
      try world.broadcast(
        place.map { "\($0.directory.identity.id)\n\($0.directory.path)" } ?? "", root: 0)
    }.split(separator: "\n", maxSplits: 1).map(String.init)
    let clock =
      try timeline
      ? instruments.compute.collective(Collective(.clocks)) { () throws(MPIError) in
        try ClockOffset.measure(on: world)
      } : nil
    let trainer = try trainer(
      data, network, place,
      Resumption(
        run: configuration.checkpoint.survive ? names[0] : nil, directory: names[1],
        from: place?.source ?? .none), instruments, on: world)
    trainer.beginning = start
    earlyEnd?.close()
    var session: TrainingSession
    do {
      session = try train(trainer, directory: place?.directory, path: names[1])
    } catch let failure as any CommonError {
      // All else the memory outlives.
      if (failure as? CommonFailure)?.endsRun == true { trainer.state.file.unlinkName() }
      trainer.close()
      throw failure
    }
    let summary: Summary
    do {
      summary = try write(session)
    } catch let failure as any CommonError {
      // What the run came to is in its memory alone.
      trainer.close()
      throw failure
    }
    trainer.state.file.unlinkName()
    SurvivingState.removeEmpty(ofRun: names[0])
    trainer.close()
    if let directory = place?.directory { session.display.finish(summary, path: directory.path) }
    if let clock { try writeTimeline(of: trainer, since: clock, to: place?.directory) }
    return summary
  }

  /// Collective; the trainer's threads have ended.
  private func writeTimeline(
    of trainer: Trainer, since start: ClockOffset, to directory: RunDirectory?
  ) throws {
    let end = try trainer.collective(.clocks) { () throws(MPIError) in
      try ClockOffset.measure(on: trainer.world)
    }
    let gathered = try trainer.collective(.timeline) { () throws(MPIError) in
      try Timeline.gather(
        trainer.instruments.rows, clock: ClockAlignment(start: start, end: end),
        steps: trainer.before.step..<trainer.step,
        buckets: trainer.reducer.buckets, algorithms: trainer.instruments.compute.algorithms,
        world: trainer.world)
    }
    guard let gathered else { return }
    try directory?.write(gathered)
    if gathered.keptSteps < gathered.steps {
      Logger(label: "rondo.training").warning(
        "timeline.json holds the first \(gathered.keptSteps) of \(gathered.steps) steps; there is no room for more"
      )
    }
  }

  /// Trains to the end of the run.
  ///
  /// - Parameters:
  ///   - directory: on rank 0.
  ///   - path: of the directory.
  private func train(_ trainer: Trainer, directory: RunDirectory?, path: String) throws -> TrainingSession {
    let style: ProgressDisplay.Style = silent || trainer.world.rank > 0 ? .silent : json ? .json : .people
    var session = try TrainingSession(
      trainer, directory: directory,
      display: ProgressDisplay(style, totalSteps: trainer.totalSteps, stepsPerEpoch: trainer.stepsPerEpoch),
      checkpointer: Checkpointer(
        trainer, directory: "\(path)/\(RunFiles.checkpointsName)", keep: configuration.checkpoint.keep),
      handlesSignals: handlesSignals)
    session.announce()
    try session.train()
    return session
  }

  /// Writes what the run came to. Collective: it returns when all is written, and throws on all ranks if something cannot be.
  private func write(_ session: TrainingSession) throws -> Summary {
    let trainer = session.trainer
    let summary = try session.summarize()
    let average = try trainer.average()
    try trainer.collective(.end) {
      try CommonFailure.agreed(on: trainer.world) {
        guard let directory = session.directory else { return }
        try trainer.instruments.compute.files {
          try directory.closeMetrics()
          try directory.write(trainer, average: average)
          if let evaluation = session.evaluation { try directory.write(evaluation) }
          try directory.write(summary)
        }
      }
    }
    return summary
  }
}
