import BLAS
import Graph
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
  /// JSON lines on standard output instead of progress for people.
  public var json = false
  /// Nothing on standard output.
  public var silent = false

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
  /// - Throws: `CommonFailure`, the same on all ranks, for whatever is wrong with configuration, data, model or run directory at the start,
  ///   and for a loss that is not finite. `RunDirectoryError`, on rank 0 alone, for a file that cannot be written later.
  public func run(on world: borrowing Communicator) throws -> Summary {
    let start = MPI.wallTime()
    let data = try CommonFailure.agreed(on: world) {
      if let refusal = pool.refusal { throw CommonFailure(refusal) }
      try configuration.validate(ranks: world.size)
      return try configuration.loadData()
    }
    let network = try CommonFailure.agreed(on: world) {
      let network = try Trainer.network(configuration, data: data, model: model)
      try Trainer.checkMemory(
        network, optimizer: optimizer ?? ReadyMade.optimizer(configuration.training.optimizer))
      return network
    }
    var directory: RunDirectory?
    try CommonFailure.agreed(on: world) {
      if world.rank == 0 { directory = try RunDirectory(output, configuration: configuration) }
    }
    let trainer = try Trainer(
      configuration, data: data, network: network, optimizer: optimizer, pool: pool, world: world)
    do {
      let summary = try train(trainer, directory: directory, start: start)
      trainer.close()
      return summary
    } catch let failure as any CommonError {
      // All ranks are here. Any other error ends the job, and must not wait for them.
      trainer.close()
      throw failure
    }
  }

  private func train(_ trainer: Trainer, directory: RunDirectory?, start: Double) throws -> Summary {
    let style: ProgressDisplay.Style = silent || trainer.world.rank > 0 ? .silent : json ? .json : .people
    var session = TrainingSession(
      trainer, directory: directory,
      display: ProgressDisplay(style, totalSteps: trainer.totalSteps, stepsPerEpoch: trainer.stepsPerEpoch),
      start: start)
    session.announce()
    try session.train()
    let summary = try session.summarize()
    if let directory {
      try directory.write(summary)
      session.display.finish(summary, path: directory.path)
    }
    return summary
  }
}
