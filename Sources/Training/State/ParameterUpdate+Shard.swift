import Optimizers

/// Updates of shards that were cut off. A shard alone does not know whether the gradients of all are complete: whether another one has begun
/// does (`RecoveryPlan`).
extension ParameterUpdate {
  /// Puts pieces of a share back that were being changed.
  ///
  /// - Returns: their least and greatest version, `(Int.max, 0)` for a share without pieces; nil for versions that no update leaves.
  func restore(_ share: StateShare) -> (least: Int, most: Int)? {
    let versions = indices(of: share).map { Int(state.versions[$0].load(ordering: .acquiring)) }
    guard let least = versions.min(), let most = versions.max() else { return (Int.max, 0) }
    guard most - least <= 1 else { return nil }
    let tail = state.layout.tail
    for member in 0..<tail.members {
      for thread in 0..<tail.threads { restore(state.undo(member, thread), to: least) }
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
