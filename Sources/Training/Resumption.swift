import Checkpoints
import Graph
import Logging

/// What lets a trainer go on where an earlier life of its run has stopped.
final class Resumption {
  /// Names the run, in hexadecimal: its memory is looked for under this name, and made so that it can be found. Nil for memory that ends
  /// with the processes.
  let run: String?
  /// Of the run.
  let directory: String?
  /// On rank 0: where checkpoints are looked for.
  private let source: Source
  private var found: StoredCheckpoint?

  enum Source {
    case none
    /// The newest whole one of a run.
    case run(CheckpointStore)
    /// This one.
    case checkpoint(StoredCheckpoint)
  }

  init(run: String?, directory: String? = nil, from source: Source) {
    self.run = run
    self.directory = directory
    self.source = source
  }

  /// On rank 0: the checkpoint that is to be loaded, if it is of a later step.
  func stored(after step: Int) throws -> StoredCheckpoint? {
    let logger = Logger(label: "rondo.training")
    switch source {
    case .none: return nil
    case .checkpoint(let checkpoint): found = checkpoint
    case .run(let store):
      // Reading all of a checkpoint takes its time, so only where it is needed.
      guard try store.steps().last ?? -1 > step else { return nil }
      found = try store.newestWhole { logger.warning("\($0)") }
    }
    guard let found, found.step > step else { return nil }
    return found
  }

  /// - Parameter path: of the checkpoint that rank 0 has found, and checked.
  func load(_ graph: Graph, _ state: TrainingState, path: String) throws -> TrainingProgress {
    let checkpoint = try found ?? StoredCheckpoint(path: path, checkingDigests: false)
    let record = try CheckpointContents.read(checkpoint, graph, into: state)
    return record.progress
  }
}
