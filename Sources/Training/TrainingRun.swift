import BLAS
import Foundation
import Graph
import Logging
import MPI

/// A whole run: data, training, evaluation, metrics, summary.
///
///     try MPI.run { world in
///       let summary = try TrainingRun(configuration, threads: 4).run(on: world)
///     }
public struct TrainingRun {
  public var configuration: Configuration
  /// Threads of each rank.
  public var threads: Int
  /// Cores that this rank may use; nil for those of its affinity mask. With more threads than cores, waiting threads sleep.
  public var cores: Int?
  /// The run directory; nil chooses one under `runs`.
  public var output: String?
  /// From features to logits or values; nil for the configuration's ready-made model.
  public var model: ((Tensor) -> Tensor)?
  /// JSON lines on standard output instead of progress for people.
  public var json = false
  /// Nothing on standard output.
  public var silent = false

  public init(
    _ configuration: Configuration, threads: Int = 1, output: String? = nil,
    model: ((Tensor) -> Tensor)? = nil
  ) {
    self.configuration = configuration
    self.threads = threads
    self.output = output
    self.model = model
  }

  /// Trains to the end. Collective: all ranks of `world` run it with the same configuration.
  ///
  /// - Throws: `CommonFailure`, the same on all ranks, for whatever is wrong with configuration, data, model or run directory, and for
  ///   a loss that is not finite.
  public func run(on world: borrowing Communicator) throws -> Summary {
    let start = MPI.wallTime()
    let data = try CommonFailure.agreed(on: world) {
      try configuration.validate(ranks: world.size)
      return try configuration.loadData()
    }
    let network = try CommonFailure.agreed(on: world) {
      try Trainer.network(configuration, data: data, model: model)
    }
    let trainer = try Trainer(
      configuration, data: data, network: network, pool: ThreadPool(threads: threads, cores: cores),
      world: world)
    var directory: RunDirectory?
    try CommonFailure.agreed(on: world) {
      if world.rank == 0 { directory = try RunDirectory(output, configuration: configuration) }
    }
    var session = TrainingSession(
      trainer, directory: directory,
      display: ProgressDisplay(
        silent || world.rank > 0 ? .silent : json ? .json : .people, totalSteps: trainer.totalSteps,
        stepsPerEpoch: trainer.stepsPerEpoch), start: start)
    session.announce()
    try session.train()
    let summary = try session.summarize()
    trainer.close()
    if let directory {
      try directory.write(summary)
      session.display.finish(summary, path: directory.path)
    }
    return summary
  }
}
