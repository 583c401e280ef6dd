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
  /// Whether what was found is another run's.
  private var isOrigin = false

  enum Source {
    case none
    /// The newest whole one of a run; where there is none, what the run began with, if that was another's state.
    case run(CheckpointStore, origin: (() throws -> StoredCheckpoint)? = nil)
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
    case .checkpoint(let checkpoint): (found, isOrigin) = (checkpoint, true)
    case .run(let store, let origin):
      try? store.recover()
      // Reading all of a checkpoint takes its time, so only where it is needed.
      if let last = try store.steps().last {
        guard last > step else { return nil }
        found = try store.newestWhole { logger.warning("\($0)") }
      }
      if found == nil, step < 0, let origin {
        found = try origin()
        isOrigin = true
      }
    }
    guard let found, found.step > step else { return nil }
    return found
  }

  /// Collective where each rank has its share of the state, else on rank 0.
  ///
  /// - Parameters:
  ///   - optimizer: the name of the one that goes on with the state.
  ///   - path: of the checkpoint that rank 0 has found, and checked.
  /// - Throws: on rank 0 also where a run would not go on to the bits that it promises; a new run leaves behind what is not for it, and says so.
  func load(
    _ graph: Graph, _ state: TrainingState, optimizer: String, path: String
  ) throws -> TrainingProgress {
    let checkpoint = try found ?? StoredCheckpoint(path: path, checkingDigests: false)
    let (record, leftBehind) = try CheckpointContents.read(
      checkpoint, graph, optimizer: optimizer, into: state)
    // Ranks other than the first have found nothing themselves.
    if found != nil {
      if isOrigin {
        for line in leftBehind { Logger(label: "rondo.training").warning("\(line)") }
      } else if let line = leftBehind.first {
        throw RunDirectoryError(
          "\(line); the run there would not come to the same weights: give it the optimizer that it began with, or begin another run "
            + "with --resume \(path) and another --output", exitStatus: 2)
      }
    }
    var progress = record.progress
    if isOrigin { progress.forgetBest() }
    return progress
  }
}
