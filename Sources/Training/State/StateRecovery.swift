import Checkpoints
import MPI
import Optimizers

/// Makes the memory of all ranks from what earlier lives of a run have left where the state is shared out, or was: any numbers of ranks, sharded or
/// not, before and after. `RecoveryPlan` says what is taken.
///
/// A shard that comes to a rank with the same share is taken up in place; other ranks get new memory, filled from what has the state
/// of it. Nothing is removed before all of the new is complete, so that this may be cut off anywhere as well. Meanwhile there are the parameters and
/// states of both.
struct StateRecovery {
  let survival: SurvivingState
  let layout: StateLayout
  let finisher: UpdateFinisher

  /// - Parameters:
  ///   - host: the ranks of this host that lead those of a replica.
  ///   - leaders: those of all hosts. Collective over them.
  /// - Returns: the same course of the run on all ranks.
  func make(host: borrowing Communicator, leaders: borrowing Communicator) throws -> TrainingState.Found {
    var remnants = try remnants(host: host, leaders: leaders)
    let plan = try plan(remnants, leaders)
    guard let plan, let progress = try progress(remnants, plan, leaders) else {
      for remnant in remnants { remnant.state.file.unlinkName() }
      remnants = []
      try makeRoom(layout.byteCount, on: host)
      return TrainingState.Found(state: try agreed(leaders) { try new(leaders) }, progress: nil)
    }
    try finish(remnants, plan, progress, leaders)

    // From here on nobody needs gradients of the step.
    let taken = plan.places.first { place in
      place.rank == leaders.rank && remnants[place.number].state.layout.core.share == layout.core.share
    }?.number
    try makeRoom(
      layout.byteCount - (taken.map { remnants[$0].state.file.bytes.count } ?? 0), on: host)
    let state = try agreed(leaders) {
      for number in remnants.indices {
        remnants[number].state.header.nextSet = number == taken ? survival.life : 0
        if number != taken { remnants[number] = try survival.shrunk(remnants[number]) }
      }
      guard let taken else { return try new(leaders) }
      let adopted = try survival.adopt(remnants[taken].state, progress, for: layout)
      adopted.header.place = (leaders.rank, leaders.size)
      remnants[taken].state = adopted
      return adopted
    }
    let shares = try self.shares(leaders)
    try StateTransfer(remnants: remnants, plan: plan, shares: shares, to: state).run(on: leaders)

    state.setStep(progress.step)
    try leaders.barrier()
    if taken == nil {
      state.recordForOthers(progress)
      state.header.hasContents = true
    }
    try leaders.barrier()
    state.header.set = survival.life
    try leaders.barrier()
    for number in remnants.indices where number != taken { remnants[number].state.file.unlinkName() }
    return TrainingState.Found(state: state, progress: progress)
  }

  /// Removes memory of other runs where this host lacks it.
  ///
  /// - Parameter bytes: that this rank needs more than it has.
  private func makeRoom(_ bytes: Int, on host: borrowing Communicator) throws(MPIError) {
    let needed = try host.allreduce(bytes, .sum)
    if host.rank == 0 { survival.removeOthers(needed: needed) }
    try host.barrier()
  }

  /// Empty memory of this start.
  private func new(_ leaders: borrowing Communicator) throws -> TrainingState {
    let state = try survival.making(layout)
    state.header.set = layout.core.share == nil ? 0 : survival.life
    state.header.place = (leaders.rank, leaders.size)
    return state
  }

  private func remnants(
    host: borrowing Communicator, leaders: borrowing Communicator
  ) throws -> [Remnant] {
    let ranks = try host.allgather(leaders.rank)
    let isFirst = host.rank == 0
    let lists = try agreed(leaders) { isFirst ? try survival.names(to: ranks, size: leaders.size) : [] }
    let text = lists.map { $0.joined(separator: " ") }.joined(separator: "\n")
    let lines = try host.broadcast(text, root: 0).split(separator: "\n", omittingEmptySubsequences: false)
    let mine = host.rank < lines.count ? lines[host.rank].split(separator: " ").map(String.init) : []
    return try agreed(leaders) { try survival.remnants(of: mine, layout.core, finisher) }
  }

  private func plan(_ remnants: [Remnant], _ leaders: borrowing Communicator) throws -> RecoveryPlan? {
    let texts = try leaders.allgather(remnants.map(\.facts.text).joined(separator: "\n"))
    let facts = texts.map { $0.split(separator: "\n").compactMap { Remnant.Facts(text: $0) } }
    return RecoveryPlan(facts, count: layout.core.arenaCount)
  }

  /// What is known of the course of the run up to the plan's step: by rank 0 if its memory is there, which knows which lines are written. Nil
  /// if nobody knows.
  private func progress(
    _ remnants: [Remnant], _ plan: RecoveryPlan, _ leaders: borrowing Communicator
  ) throws(MPIError) -> TrainingProgress? {
    let known = plan.places.filter { $0.rank == leaders.rank }.compactMap { place in
      let remnant = remnants[place.number]
      return remnant.state.progress(ofStep: plan.step).map { (rank: remnant.facts.rank, progress: $0) }
    }
    let best = known.min { $0.rank < $1.rank }
    let ranks = try leaders.allgather(best?.rank ?? .max)
    guard let least = ranks.min(), least < .max, let root = ranks.firstIndex(of: least) else { return nil }
    return try leaders.broadcast(best?.progress ?? TrainingProgress(), root: root)
  }

  /// Brings the plan's remnants to its step. When it returns, all are there.
  private func finish(
    _ remnants: [Remnant], _ plan: RecoveryPlan, _ progress: TrainingProgress,
    _ leaders: borrowing Communicator
  ) throws(MPIError) {
    let mine = plan.places.filter { $0.rank == leaders.rank }.map { remnants[$0.number] }
    // Before the step is there: who finishes it may be cut off as well.
    for remnant in mine { remnant.state.recordForOthers(progress) }
    for remnant in mine where remnant.state.layout.core.share != nil && remnant.facts.least == plan.step {
      finisher.update(remnant.state).takeBack(to: plan.step)
    }
    if let begun = plan.begun {
      let isHere = begun.rank == leaders.rank
      let source = isHere ? remnants[begun.number].state : nil
      let bits = try leaders.broadcast(
        source?.slot(0).decision.pointee.load(ordering: .acquiring) ?? 0, root: begun.rank)
      var norms = source.map { Array($0.allNorms) } ?? []
      if norms.isEmpty { norms = Array(repeating: 0, count: StateLayout.normCount * layout.core.pieceCount) }
      var span = norms.mutableSpan
      try leaders.broadcast(&span, root: begun.rank)
      let step = UpdateStep(step: plan.step - 1, learningRate: finisher.learningRate(plan.step - 1))
      for remnant in mine where remnant.facts.least == plan.step - 1 {
        guard let share = remnant.state.layout.core.share else { continue }
        _ = remnant.state.allNorms.update(fromContentsOf: norms)
        finisher.update(remnant.state).finish(share, at: step, UpdateDecision(bits: bits))
      }
    }
    try leaders.barrier()
  }

  /// The new share of each rank.
  private func shares(_ leaders: borrowing Communicator) throws(MPIError) -> [StateShare] {
    let ranges = layout.core.share?.ranges ?? [0..<layout.core.arenaCount]
    let words = ranges.flatMap { [String($0.lowerBound), String($0.upperBound)] }
    return try leaders.allgather(words.joined(separator: " ")).map { line in
      let words = line.split(separator: " ").compactMap { Int($0) }
      return StateShare(stride(from: 0, to: words.count - 1, by: 2).map { words[$0]..<words[$0 + 1] })
    }
  }

  private func agreed<Result>(
    _ leaders: borrowing Communicator, _ body: () throws -> Result
  ) throws -> Result {
    try CommonFailure.agreed(on: leaders, body)
  }
}

extension Communicator {
  /// The progress of a run as the root knows it. Collective.
  func broadcast(_ progress: TrainingProgress, root: Int) throws(MPIError) -> TrainingProgress {
    var words = [Int64](repeating: 0, count: TrainingProgress.wordCount)
    words.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { progress.write(to: base) } }
    var span = words.mutableSpan
    try broadcast(&span, root: root)
    return words.withUnsafeBufferPointer { words in
      words.baseAddress.map { TrainingProgress(words: $0) } ?? TrainingProgress()
    }
  }
}
