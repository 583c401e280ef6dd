import BLAS
import Graph
import MPI

/// Measures a trained model, on the samples that its run held out or on others.
///
///     try MPI.run { world in
///       let evaluation = try EvaluationRun("runs/digits", threads: 2).run(on: world)
///     }
public struct EvaluationRun {
  /// A run directory, or a checkpoint's.
  public var path: String
  /// A file, or folder, of the format that the run was trained on; nil for the run's held-out samples.
  public var data: String?
  /// The threads of this rank.
  public var pool: ThreadPool
  /// The model that `TrainingRun.model` was; nil for the configuration's.
  public var model: ((Tensor) -> Tensor)?

  public init(_ path: String, data: String? = nil, pool: ThreadPool) {
    self.path = path
    self.data = data
    self.pool = pool
  }

  /// A measurement with so many threads on each rank.
  public init(_ path: String, data: String? = nil, threads: Int = 1) {
    self.init(path, data: data, pool: ThreadPool(threads: threads))
  }

  /// The metrics, the same bits on all ranks and for any number of them and of threads. Collective: each rank computes its share.
  ///
  /// - Throws: `CommonFailure`, the same on all ranks, for whatever is wrong with the run or the data.
  public func run(on world: borrowing Communicator) throws -> Evaluation {
    // A run that is still trained may have another newest checkpoint a moment later: rank 0 chooses for all.
    let found = try CommonFailure.agreed(on: world) {
      if let refusal = pool.refusal { throw CommonFailure(refusal) }
      return try RunFiles(path) { if world.rank == 0 { RunFiles.warn($0) } }
    }
    let weights = try world.broadcast(found.weights, root: 0)
    let (evaluator, samples) = try CommonFailure.agreed(on: world) {
      let run = try TrainedRun(RunFiles(found, weights: weights))
      let samples = if let data { try run.data(at: data) } else { try run.heldOut() }
      let network = try run.network(data: samples, model: model)
      return (Evaluator(network: network, executor: try run.executor(network, pool: pool)), samples)
    }
    let evaluation = try evaluator.tally(samples, rank: world.rank, size: world.size)
      .evaluation(classNames: samples.classNames, on: world)
    // A class is found for NaN, too: the other metrics look like those of a model.
    if world.rank == 0, let loss = evaluation[.loss], !loss.isFinite {
      RunFiles.warn(
        "\(path): the loss is \(loss): its weights or the samples lead to values that are not finite, and the other metrics say nothing"
      )
    }
    return evaluation
  }
}
