import BLAS
import Checkpoints
import Foundation
import Graph
import Logging
import MPI

/// Writes checkpoints of a run behind its training loop.
///
/// A checkpoint begins between two steps, on all ranks at the same one: a thread of each brings its share of the optimizer's state to disk, on
/// rank 0 the weights too, while training goes on. What is not there yet when the next update is about to begin is copied (`StateSnapshot`). Whose
/// files are there is part of every step's verdict; when all are, rank 0 makes the checkpoint visible. What fails costs this checkpoint and a
/// line, never an earlier one and not the run.
final class Checkpointer {
  /// The newest step that was committed.
  private(set) var committedStep: Int?
  /// Steps whose checkpoints stay, such as the best.
  var spared: Set<Int> = []

  private let store: CheckpointStore
  private let keep: Int
  private let trainer: Trainer
  private let staging = StagingMemory()
  private var writing: (step: Int, snapshot: StateSnapshot, task: BackgroundTask<[CheckpointFile]>)?
  /// On rank 0; what the task returns is why older checkpoints could not be removed.
  private var committing: (step: Int, task: BackgroundTask<String?>)?
  private let logger = Logger(label: "rondo.training")

  init(_ trainer: Trainer, directory: String, keep: Int) {
    self.trainer = trainer
    self.keep = keep
    store = CheckpointStore(directory: directory)
  }

  private var rank: Int { trainer.world.rank }
  private var size: Int { trainer.world.size }

  /// Whether there is a checkpoint of that step. Collective.
  func has(_ step: Int) throws -> Bool {
    try trainer.collective(.checkpoint) {
      let isThere = try CommonFailure.agreed(on: trainer.world) {
        rank == 0 ? try store.steps().contains(step) : false
      }
      return try trainer.world.broadcast(isThere ? 1 : 0, root: 0) == 1
    }
  }

  /// Begins a checkpoint of the state at hand, when the one before is done. Collective.
  ///
  /// - Returns: whether it was begun; if not, a line has said why.
  @discardableResult func begin() throws -> Bool {
    try finish()
    let step = trainer.step
    do {
      try trainer.collective(.checkpoint) {
        try CommonFailure.agreed(on: trainer.world) { if rank == 0 { try store.begin(step: step) } }
      }
    } catch let failure as CommonFailure {
      warn(step, failure.description)
      return false
    }
    let part = CheckpointContents.Part(
      trainer.state, trainer.network.graph, share: share, rank: rank, record: record(),
      average: try trainer.average(), staging: staging)
    // A sharded average is whole in memory of gradients, which the next step writes.
    if trainer.reducer.way.isSharded, trainer.state.keepsAverage { keep(part.snapshot) }
    let writer = BackgroundTask("rondo-write") { [store] in
      let files = try store.write(part.files, step: step)
      // Those of a run that has diverged would take the place of good ones.
      guard part.snapshot.isFinite else { throw CommonFailure("the weights are not finite") }
      return files
    }
    writing = (step, part.snapshot, writer)
    return true
  }

  /// What this rank writes of the optimizer's state: its own part, or where all have all of it, so much that all write as many bytes.
  private var share: StateShare {
    if trainer.reducer.way.isSharded { return StateShare(trainer.reducer.shares) }
    let core = trainer.state.layout.core
    let weights = trainer.state.keepsAverage ? 2 : 1
    // In arenas, of which rank 0 writes the weights.
    let each = Double(core.stateCount + weights) / Double(size)
    let first = max(0, each - Double(weights)) / Double(max(1, core.stateCount))
    let others = (1 - first) / Double(max(1, size - 1))
    func cut(_ rank: Int) -> Int {
      if rank == 0 { return 0 }
      if rank == size { return core.arenaCount }
      let part = first + Double(rank - 1) * others
      return trainer.pieces.boundary(notBelow: Int(part * Double(core.arenaCount)))
    }
    return StateShare([cut(rank)..<cut(rank + 1)])
  }

  /// Says in a step's verdict how far this rank has come, and keeps of the state what is not written yet: after the verdict it changes.
  func report(in verdict: inout StepVerdict) {
    switch writing?.task.result {
    case .success: verdict.written = 1
    case .failure: verdict.failed = 1
    case nil:
      if let writing { keep(writing.snapshot) }
    }
  }

  private func keep(_ snapshot: StateSnapshot) {
    snapshot.keep { [pool = trainer.pool] target, source, count in
      pool.run(over: count, grain: 1 << 18) { part in
        (target + part.lowerBound).update(from: source + part.lowerBound, count: part.count)
      }
    }
  }

  /// Goes on with what the verdict of a step says of all ranks. Collective: all ranks have the same verdict.
  func advance(_ verdict: StepVerdict) throws {
    if writing != nil, verdict.written + verdict.failed == Int64(size) { try gather() }
    if writing == nil { staging.releaseIfIdle() }
  }

  /// Returns when no checkpoint is under way. Collective.
  func finish() throws {
    if writing != nil { try gather() }
    if let committing {
      switch trainer.instruments.compute.files({ committing.task.wait() }) {
      case .failure(let error): giveUp(committing.step, "\(error)")
      case .success(let fault):
        committedStep = committing.step
        if let fault { warnOfOlder(fault) }
      }
      self.committing = nil
    }
  }

  /// Whether the checkpoint of that step is the last one that this life of the run has committed. Collective, when none is under way.
  func hasCommitted(_ step: Int) throws(MPIError) -> Bool {
    try trainer.collective(.checkpoint) { () throws(MPIError) in
      try trainer.world.broadcast(committedStep == step ? 1 : 0, root: 0) == 1
    }
  }

  /// Removes older checkpoints that were spared and are no longer.
  func retain() {
    guard rank == 0, let committedStep else { return }
    do {
      try store.retain(newest: keep, through: committedStep, sparing: spared)
    } catch {
      warnOfOlder("\(error)")
    }
  }

  /// Brings the descriptions of all files to rank 0, which commits them behind the loop.
  private func gather() throws {
    guard let (step, _, task) = writing else { return }
    writing = nil
    let outcome = trainer.instruments.compute.files { task.wait() }
    let lists: [String]?
    do {
      lists = try trainer.collective(.checkpoint) {
        let written = try CommonFailure.agreed(on: trainer.world) { try outcome.get() }
        return try trainer.world.gather(
          String(decoding: try JSONEncoder().encode(written), as: UTF8.self), root: 0)
      }
    } catch let failure as CommonFailure {
      giveUp(step, failure.description)
      return
    }
    guard let lists else {
      committedStep = step
      return
    }
    let all = try lists.flatMap { try JSONDecoder().decode([CheckpointFile].self, from: Data($0.utf8)) }
    committing = (
      step,
      BackgroundTask("rondo-write") { [store, keep, spared] in
        try store.commit(step: step, files: all)
        do { try store.retain(newest: keep, through: step, sparing: spared) } catch { return "\(error)" }
        return nil
      }
    )
  }

  private func giveUp(_ step: Int, _ reason: String) {
    if rank == 0 { store.abandon(step: step) }
    warn(step, reason)
  }

  private func warn(_ step: Int, _ reason: String) {
    guard rank == 0 else { return }
    let last =
      committedStep.map { "the last whole checkpoint is that of step \($0)" } ?? "there is no checkpoint yet"
    logger.warning("no checkpoint of step \(step): \(reason); training goes on, \(last)")
  }

  private func warnOfOlder(_ reason: String) {
    logger.warning("older checkpoints stay: \(reason)")
  }

  private func record() -> CheckpointContents.Record {
    let (epoch, stepOfEpoch) = trainer.step.quotientAndRemainder(dividingBy: trainer.stepsPerEpoch)
    let configuration = trainer.configuration
    return CheckpointContents.Record(
      step: trainer.step, samplePosition: stepOfEpoch * configuration.training.batch, epoch: epoch,
      seed: configuration.seed, optimizer: trainer.optimizerName, ranks: size, blasKernel: BLAS.kernelName,
      progress: trainer.progress, configuration: configuration.resolvedYAML)
  }
}
