import Checkpoints
import MPI

extension SurvivingState {
  /// Whether earlier lives have left shards. Collective over `world`.
  func hasShards(host: borrowing Communicator, world: borrowing Communicator) throws(MPIError) -> Bool {
    var found = 0
    if host.rank == 0 {
      found =
        SharedFile.names(prefix: prefix).contains { name in
          guard let file = try? SharedFile(name: name) else { return false }
          return header(of: file)?.isShard == true && !isOfThisLife(file)
        } ? 1 : 0
    }
    return try world.allreduce(found, .maximum) > 0
  }

  /// The names of what earlier lives have left on this host, shared out to some ranks: what was a rank's own comes to it again.
  ///
  /// - Parameters:
  ///   - ranks: of this host.
  ///   - size: ranks in all.
  /// - Returns: a list for each of `ranks`.
  /// - Throws: as `names`.
  func names(to ranks: [Int], size: Int) throws(CommonFailure) -> [[String]] {
    var lists = Array(repeating: [String](), count: ranks.count)
    for (number, name) in try names().enumerated() {
      let place = (try? SharedFile(name: name)).flatMap { header(of: $0)?.place }
      let own = place.flatMap { $0.size == size ? ranks.firstIndex(of: $0.rank) : nil }
      lists[own ?? number % ranks.count].append(name)
    }
    return lists
  }

  /// Opens what some names stand for; what is at no step is removed. Who has it may change it, and no other rank of this start takes it.
  ///
  /// - Parameter core: of the state at hand, whole or a shard.
  /// - Throws: as `claim`.
  func remnants(
    of names: [String], _ core: StateLayout.Core, _ finisher: UpdateFinisher
  ) throws(CommonFailure) -> [Remnant] {
    var remnants: [Remnant] = []
    for name in names {
      guard let file = try claim(name) else { continue }
      defer { file.share() }
      if let state = state(file, core), let remnant = Remnant(state, finisher) {
        remnants.append(remnant)
      } else {
        file.unlinkName()
      }
    }
    return remnants
  }

  /// The state in a file; nil where there is none of this model.
  private func state(_ file: SharedFile, _ core: StateLayout.Core) -> TrainingState? {
    guard let header = header(of: file), header.hasContents,
      let core = header.core(like: core, model: model, byteCount: file.bytes.count)
    else { return nil }
    let layout = StateLayout(core: core, tail: header.tail ?? .none)
    guard file.bytes.count >= layout.byteCount else { return nil }
    return TrainingState(file, layout, member: 0)
  }

  private func header(of file: SharedFile) -> StateHeader? {
    guard let base = file.bytes.baseAddress, file.bytes.count >= StateLayout.Core.recordOffset else {
      return nil
    }
    return StateHeader(base)
  }

  /// What is left of a remnant when nothing of it is under way any more: parameters and states.
  func shrunk(_ remnant: Remnant) throws(CheckpointError) -> Remnant {
    let state = remnant.state
    state.header.tail = nil
    let layout = StateLayout(core: state.layout.core, tail: .none)
    try state.file.resize(to: layout.byteCount)
    var shrunk = remnant
    shrunk.state = TrainingState(state.file, layout, member: 0)
    return shrunk
  }
}
