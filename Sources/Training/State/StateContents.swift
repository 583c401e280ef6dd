import Checkpoints
import MPI

/// Fills the replicas of all ranks with the state of one step: the newest that has survived anywhere, else that of a checkpoint, else the
/// first.
struct StateContents {
  /// Where the state comes from with which training begins.
  enum Origin: Int, Sendable {
    case beginning, memory, checkpoint
  }

  /// What a run begins with when no memory has survived.
  struct Start {
    /// On rank 0: the newest checkpoint that is whole and of a later step than the one given, which `load` then takes; nil if there is
    /// none.
    var stored: (_ after: Int) throws -> StoredCheckpoint? = { _ in nil }
    /// Fills a replica from the checkpoint at that path, which rank 0 has found, and returns the course of the run.
    var load: (TrainingState, _ path: String) throws -> TrainingProgress = { _, _ in TrainingProgress() }
    /// Fills a replica with the state before the first step.
    var initialize: (TrainingState) throws -> TrainingProgress
    /// Whether every rank can do the last; else rank 0 does, and sends it to the others.
    var initializesEverywhere = true
  }

  /// Collective over `world`.
  ///
  /// - Returns: the course of the run up to the step at which all replicas are, and where that comes from.
  static func settle(
    _ found: TrainingState.Found, start: Start, group: borrowing Communicator,
    world: borrowing Communicator
  ) throws -> (progress: TrainingProgress, origin: Origin) {
    let isLeader = group.rank == 0
    let steps = try world.allgather(isLeader ? found.progress?.step ?? -1 : -1)
    let newest = steps.max() ?? -1
    let checkpoint = try CommonFailure.agreed(on: world) {
      world.rank == 0 ? try start.stored(newest) : nil
    }
    let stored = try world.broadcast(checkpoint?.step ?? -1, root: 0)
    let path = try stored >= 0 ? world.broadcast(checkpoint?.path ?? "", root: 0) : ""
    let hasSurvived = newest >= 0 && newest >= stored
    // Nobody but the rank itself has its share of the state; without one, rank 0 reads and sends.
    let isSharded = found.state.layout.core.share != nil
    let isEverywhere = stored >= 0 ? isSharded : start.initializesEverywhere
    var progress = hasSurvived ? found.progress ?? TrainingProgress() : TrainingProgress()
    var source = 0
    if hasSurvived {
      source = steps.firstIndex(of: newest) ?? 0
    } else {
      // What is there is older than what will be.
      if isLeader { found.state.header.hasContents = false }
      progress = try CommonFailure.agreed(on: world) {
        guard world.rank == 0 || isEverywhere && isLeader else { return TrainingProgress() }
        return try stored >= 0
          ? start.load(found.state, path) : start.initialize(found.state)
      }
    }
    if let leaders = try world.split(color: isLeader ? 0 : nil, key: world.rank) {
      let root = try leaders.allgather(world.rank).firstIndex(of: source) ?? 0
      let isNeeded = hasSurvived ? found.progress?.step != newest : !isEverywhere
      if try leaders.allreduce(isNeeded ? 1 : 0, .maximum) > 0, leaders.size > 1 {
        if isNeeded { found.state.header.hasContents = false }
        try broadcast(found.state, root: root, on: leaders)
      }
    }
    progress = try world.broadcast(progress, root: source)
    if isLeader {
      found.state.setStep(progress.step)
      found.state.record(progress)
      found.state.recordForOthers(progress)
      found.state.header.hasContents = true
    }
    try group.barrier()
    return (progress, hasSurvived ? .memory : stored >= 0 ? .checkpoint : .beginning)
  }

  /// Collective over the leaders of all replicas.
  private static func broadcast(
    _ state: TrainingState, root: Int, on leaders: borrowing Communicator
  ) throws(MPIError) {
    var parameters = state.parameters[0..<state.parameters.count].mutableSpan
    try leaders.broadcast(&parameters, root: root)
    // Shares of it are of different parts; at the beginning, all are as new memory is, zero, but for the average.
    guard state.layout.core.share == nil else { return state.beginAverage() }
    for index in 0..<state.layout.core.stateCount {
      var values = UnsafeMutableBufferPointer(
        start: state.firstState + index * state.stateStride, count: state.parameters.count
      ).mutableSpan
      try leaders.broadcast(&values, root: root)
    }
  }
}
