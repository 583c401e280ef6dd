import Optimizers

/// Updates of shards that were cut off. A shard alone does not know whether the gradients of all are complete: whether another one has begun
/// does (`RecoveryPlan`).
extension ParameterUpdate {
  /// Puts pieces of a share back that were being changed. Early updates that this rank does not know to be certain stay as they are: `takeBack`
  /// is for them if nobody does.
  ///
  /// - Returns: their least and greatest version but for early updates, `(Int.max, 0)` for a share without pieces; nil for versions that no update leaves.
  func restore(_ share: StateShare) -> (least: Int, most: Int)? {
    let begun =
      state.layout.tail.members > 0 ? state.slot(0).updating.pointee.load(ordering: .acquiring) : 0
    let versions = indices(of: share).map { certainVersion($0, begun: begun) }
    guard let least = versions.min(), let most = versions.max() else { return (Int.max, 0) }
    guard most - least <= 1 else { return nil }
    let tail = state.layout.tail
    for member in 0..<tail.members {
      for thread in 0..<tail.threads { restore(state.undo(member, thread)) }
    }
    return (least, most)
  }

  /// Brings the pieces of a share that are not there yet to the version after `step`, of which somebody else has begun the update.
  func finish(_ share: StateShare, at step: UpdateStep, _ decision: UpdateDecision) {
    prepare()
    for index in indices(of: share)
    where state.versions[index].load(ordering: .acquiring) == Int32(step.step) {
      update(index, at: step, decision)
    }
  }

  private func indices(of share: StateShare) -> [Int] { share.ranges.flatMap { pieces.indices(in: $0) } }
}
