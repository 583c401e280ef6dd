import Checkpoints
import MPI

/// Fills the replicas of all ranks with the state of one step: the newest that has survived anywhere, else that of a checkpoint, else the
/// first.
struct StateContents {
  /// What a run begins with when no memory has survived.
  struct Start {
    /// The step of the newest whole checkpoint, or 0.
    var step = 0
    /// Whether every rank can fill its replica, from what it has; else rank 0 does, and sends it to the others.
    var isEverywhere = false
    /// Fills a replica, and returns the course of the run.
    var fill: (TrainingState) throws -> TrainingProgress
  }

  /// Collective over `world`.
  ///
  /// - Returns: the course of the run up to the step at which all replicas are.
  static func settle(
    _ found: TrainingState.Found, start: Start, group: borrowing Communicator,
    world: borrowing Communicator
  ) throws -> TrainingProgress {
    let isLeader = group.rank == 0
    let steps = try world.allgather(isLeader ? found.progress?.step ?? -1 : -1)
    let newest = steps.max() ?? -1
    let hasSurvived = newest >= start.step && newest >= 0
    var progress = hasSurvived ? found.progress ?? TrainingProgress() : TrainingProgress()
    var source = 0
    if hasSurvived {
      source = steps.firstIndex(of: newest) ?? 0
    } else {
      // What is there is older than what will be.
      if isLeader { found.state.header.hasContents = false }
      progress = try CommonFailure.agreed(on: world) {
        world.rank == 0 || start.isEverywhere && isLeader
          ? try start.fill(found.state) : TrainingProgress()
      }
    }
    if let leaders = try world.split(color: isLeader ? 0 : nil, key: world.rank) {
      let root = try leaders.allgather(world.rank).firstIndex(of: source) ?? 0
      let isNeeded = hasSurvived ? found.progress?.step != newest : !start.isEverywhere
      if try leaders.allreduce(isNeeded ? 1 : 0, .maximum) > 0, leaders.size > 1 {
        if isNeeded { found.state.header.hasContents = false }
        try broadcast(found.state, root: root, on: leaders)
      }
    }
    var words = [Int64](repeating: 0, count: TrainingProgress.wordCount)
    words.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { progress.write(to: base) } }
    var span = words.mutableSpan
    try world.broadcast(&span, root: source)
    progress = words.withUnsafeBufferPointer { words in
      words.baseAddress.map { TrainingProgress(words: $0) } ?? TrainingProgress()
    }
    if isLeader {
      found.state.setStep(progress.step)
      found.state.record(progress)
      found.state.header.hasContents = true
    }
    try group.barrier()
    return progress
  }

  /// Collective over the leaders of all replicas.
  private static func broadcast(
    _ state: TrainingState, root: Int, on leaders: borrowing Communicator
  ) throws(MPIError) {
    var parameters = state.parameters[0..<state.parameters.count].mutableSpan
    try leaders.broadcast(&parameters, root: root)
    for index in 0..<state.layout.core.stateCount {
      var values = UnsafeMutableBufferPointer(
        start: state.firstState + index * state.stateStride, count: state.parameters.count
      ).mutableSpan
      try leaders.broadcast(&values, root: root)
    }
  }
}
