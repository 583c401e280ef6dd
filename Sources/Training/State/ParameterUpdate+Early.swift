import Optimizers
import Synchronization

/// Updates of pieces whose sums are there while others are still on their way (`EarlyUpdates`).
///
/// Of the step that makes version v, when it is known that v is not skipped, for each piece: copies parameters and states to where they stay until
/// the next step; notes in `earlyVersions` that they are there; changes them in place; sets the piece's version to v. Whoever has all sums goes on as
/// without, and nobody needs the copies. If nobody comes to that, the pieces go back to v - 1.
extension ParameterUpdate {
  /// Updates some pieces to the version after `step` while sums of others are still to come.
  func begin(_ indices: Range<Int>, at step: UpdateStep) {
    pool.run(tiles: indices.count) { tile in begin(indices.lowerBound + tile, at: step) }
  }

  private func begin(_ index: Int, at step: UpdateStep) {
    let (piece, version) = (pieces.pieces[index], Int32(step.step + 1))
    let canBeTakenBack = state.layout.tail.early > 0
    let slot = scratch.claim()
    if rules.changes(piece) {
      var gradient = clipped(sum(piece, index, slot), piece, slot, UpdateDecision())
      if canBeTakenBack {
        if gradient != UnsafePointer(scratch[slot]) {
          // A copy takes its place.
          scratch[slot].update(from: gradient, count: piece.range.count)
          gradient = UnsafePointer(scratch[slot])
        }
        forEachArena(of: index) { values, copy in copy.update(from: values, count: piece.range.count) }
        state.earlyVersions[index].store(version, ordering: .sequentiallyConsistent)
      }
      rules.apply(piece, operands(piece, gradient: gradient), at: step)
    } else if canBeTakenBack {
      state.earlyVersions[index].store(version, ordering: .sequentiallyConsistent)
    }
    state.versions[index].store(version, ordering: .sequentiallyConsistent)
    scratch.release(slot)
  }

  /// Takes the early updates of a step back whose sums did not all come.
  ///
  /// - Parameter step: at which the pieces are then.
  func takeBack(to step: Int) {
    guard state.layout.tail.early > 0 else { return }
    for (index, piece) in pieces.pieces.enumerated()
    where state.earlyVersions[index].load(ordering: .acquiring) == Int32(step + 1) {
      if rules.changes(piece) {
        forEachArena(of: index) { values, copy in values.update(from: copy, count: piece.range.count) }
      }
      state.versions[index].store(Int32(step), ordering: .sequentiallyConsistent)
      state.earlyVersions[index].store(0, ordering: .sequentiallyConsistent)
    }
  }

  /// The version of a piece, without an update of which it is not known whether all sums of its step are there.
  ///
  /// - Parameter begun: the version that this rank has begun to update to, knowing that they are.
  func certainVersion(_ index: Int, begun: Int) -> Int {
    let version = Int(state.versions[index].load(ordering: .acquiring))
    guard version > begun, state.layout.tail.early > 0 else { return version }
    return version == Int(state.earlyVersions[index].load(ordering: .acquiring)) ? version - 1 : version
  }

  /// Calls `body` with where the parameters and then each of the states of a piece lie, and their copies.
  private func forEachArena(
    of index: Int,
    _ body: (_ values: UnsafeMutablePointer<Float>, _ copy: UnsafeMutablePointer<Float>) -> Void
  ) {
    let (first, owner) = (pieces.pieces[index].range.lowerBound, Int(state.owners[index]))
    body(state.parameters.base + first, state.copy(0, of: first, owner: owner))
    for arena in 0..<state.layout.core.stateCount {
      body(
        state.firstState(of: first) + arena * state.stateStride,
        state.copy(1 + arena, of: first, owner: owner))
    }
  }
}
