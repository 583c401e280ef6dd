import BLAS
import Collectives
import Graph
import Kernels
import MPI
import Optimizers
import Synchronization

/// Updates the parameters of a `TrainingState`, piece by piece, so that an update that is cut off anywhere can be finished.
///
/// **Order of writes.** Of the step that makes version v, a member
/// 1. waits until the gradients of all members are complete, and notes v as what it is `updating` to;
/// 2. for each of its pieces: copies parameters and states aside and notes the piece and v - 1 in the copy; changes them in place; sets the
///    piece's version to v; clears the note.
///
/// So whatever is left of a killed run, each piece is whole at v - 1, whole at v, or noted with its version, v - 1, and a copy. A note of an older
/// version than the piece's is of a piece that is done. If one member is updating to v,
/// all gradients are there, and `finish` brings the others to v; if none is, no piece is there but those of early updates, which `finish` takes
/// back (`begin`). Memory outlives the process that wrote it, in the order in which it wrote, so nothing else is needed.
///
/// Gradients are only read: where the sum over members is still to be taken, it is taken piece by piece into memory of the thread.
final class ParameterUpdate {
  let state: TrainingState
  let pieces: UpdatePieces
  let rules: UpdateRules
  let pool: ThreadPool
  /// What is summed for a piece, unless a member has its sum.
  private let operands: [UnsafeMutablePointer<Float>]
  private let merges: [UInt8]
  /// For each thread memory for the gradient of a piece. The slot is also that of its undo copy.
  let scratch: ThreadScratch
  /// Time of the last `run` spent on sums, and in all, over the threads: nanoseconds.
  private let summing = Atomic<Int>(0)
  private let working = Atomic<Int>(0)

  init(_ state: TrainingState, pieces: UpdatePieces, rules: UpdateRules, pool: ThreadPool) {
    self.state = state
    self.pieces = pieces
    self.rules = rules
    self.pool = pool
    let tail = state.layout.tail
    if tail.leaves > 0 {
      let tree = ReductionTree(leaves: tail.leaves)
      let runs = (0..<tail.members).map { tree.unfolded(of: tree.run(ofRank: $0, size: tail.members)) }
      operands = runs.enumerated().flatMap { member, run in
        run.indices.map { state.gradients[member][$0].base }
      }
      merges = tree.merges(of: runs.flatMap { $0 })
    } else {
      (operands, merges) = ([], [])
    }
    scratch = ThreadScratch(slots: tail.threads, count: UpdatePieces.length)
  }

  /// Whether a decision needs `measure` first.
  var needsNorms: Bool { rules.needsNorms }

  /// Whether an update needs `measureTensors` first.
  var needsTensorNorms: Bool { rules.optimizer.needsNorms }

  /// Whether the gradients of some pieces are finite, summed over all members. All gradients are complete.
  func areFinite(_ indices: Range<Int>) -> Bool {
    let beyond = Atomic<Int>(0)
    pool.run(tiles: indices.count) { tile in
      let index = indices.lowerBound + tile
      let slot = scratch.claim()
      let piece = pieces.pieces[index]
      let found = Elementwise.countBeyond(
        Float.greatestFiniteMagnitude, piece.range.count, sum(piece, index, slot))
      beyond.wrappingAdd(found, ordering: .relaxed)
      scratch.release(slot)
    }
    return beyond.load(ordering: .relaxed) == 0
  }

  /// Computes the norms of some pieces, for `decision` and for the update. All gradients are complete.
  func measure(_ indices: Range<Int>, at step: UpdateStep) {
    pool.run(tiles: indices.count) { tile in
      let index = indices.lowerBound + tile
      let slot = scratch.claim()
      let piece = pieces.pieces[index]
      let gradient = sum(piece, index, slot)
      let norms = state.norms + index * StateLayout.normCount
      norms[0] = rules.squaredNorm(piece, gradient)
      scratch.release(slot)
    }
  }

  /// Computes what the optimizer wants to know of whole tensors. After `decide`, whose scale it needs.
  func measureTensors(_ indices: Range<Int>, at step: UpdateStep, _ decision: UpdateDecision) {
    guard needsTensorNorms else { return }
    pool.run(tiles: indices.count) { tile in
      let index = indices.lowerBound + tile
      let slot = scratch.claim()
      let piece = pieces.pieces[index]
      let operands = operands(piece, gradient: clipped(sum(piece, index, slot), piece, slot, decision))
      let squares =
        rules.isTrained(piece)
        ? rules.optimizer.squaredNorms(operands, at: step) : SquaredNorms()
      let norms = state.norms + index * StateLayout.normCount
      (norms[1], norms[2]) = (squares.first, squares.second)
      scratch.release(slot)
    }
  }

  /// What gradients are multiplied with, when the norms of all pieces are there.
  var scale: Float { rules.scale(squaredNorm: squaredNorm) }

  /// Buffers that are summed for a piece.
  var operandCount: Int { operands.count }

  /// Elements of some pieces.
  func elements(_ runs: [Range<Int>]) -> Int {
    runs.reduce(0) { sum, run in run.reduce(sum) { $0 + pieces.pieces[$1].range.count } }
  }

  /// The squared norm of the whole gradient, when the norms of all pieces are there: summed in their order.
  private var squaredNorm: Double {
    var sum = 0.0
    for index in pieces.pieces.indices { sum += state.norms[index * StateLayout.normCount] }
    return sum
  }

  /// Updates some pieces, each of which this rank owns, to the version after `step`, but for those that are there already.
  ///
  /// - Returns: the share of the time that was spent on sums.
  @discardableResult func run(
    _ indices: Range<Int>, at step: UpdateStep, _ decision: UpdateDecision
  ) -> Double {
    let slot = state.slot(state.member)
    let version = step.step + 1
    if slot.updating.pointee.load(ordering: .relaxed) < version {
      slot.decision.pointee.store(decision.bits, ordering: .sequentiallyConsistent)
      slot.updating.pointee.store(version, ordering: .sequentiallyConsistent)
    }
    // Early updates may have left nothing of a bucket.
    guard let first = indices.first(where: { state.versions[$0].load(ordering: .relaxed) < Int32(version) })
    else { return 0 }
    rules.prepare(state, pieces)
    summing.store(0, ordering: .relaxed)
    working.store(0, ordering: .relaxed)
    pool.run(tiles: indices.upperBound - first) { tile in update(first + tile, at: step, decision) }
    return Double(summing.load(ordering: .relaxed)) / Double(max(1, working.load(ordering: .relaxed)))
  }

  /// Before pieces are updated one by one, when the norms of all are there.
  func prepare() { rules.prepare(state, pieces) }

  /// Finishes an update that was cut off, whoever began it, alone.
  ///
  /// - Parameter learningRate: of a step.
  /// - Returns: the step at which the state is now, or nil if it is none.
  func finish(learningRate: (Int) -> Double) -> Int? {
    let tail = state.layout.tail
    let members = 0..<tail.members
    let begun = members.map { state.slot($0).updating.pointee.load(ordering: .acquiring) }.max() ?? 0
    let least = state.step
    for member in members {
      for thread in 0..<tail.threads { restore(state.undo(member, thread)) }
    }
    if begun <= least { takeBack(to: least) }
    let versions = pieces.pieces.indices.map { state.versions[$0].load(ordering: .acquiring) }
    guard versions.allSatisfy({ $0 == Int32(least) || $0 == Int32(least + 1) && begun == least + 1 }) else {
      return nil
    }
    guard begun == least + 1,
      let member = members.first(where: {
        begun == state.slot($0).updating.pointee.load(ordering: .acquiring)
      })
    else { return least }
    let decision = UpdateDecision(bits: state.slot(member).decision.pointee.load(ordering: .acquiring))
    let step = UpdateStep(step: least, learningRate: learningRate(least))
    rules.prepare(state, pieces)
    for index in pieces.pieces.indices where versions[index] == Int32(least) {
      update(index, at: step, decision)
    }
    return least + 1
  }

  func update(_ index: Int, at step: UpdateStep, _ decision: UpdateDecision) {
    guard state.versions[index].load(ordering: .relaxed) <= Int32(step.step) else { return }
    let slot = scratch.claim()
    let piece = pieces.pieces[index]
    let isJournaled = state.layout.tail.isJournaled
    if !decision.isSkipped, rules.changes(piece) {
      let began = Clock.nanoseconds
      let sum = sum(piece, index, slot)
      let summed = Clock.nanoseconds
      let gradient = clipped(sum, piece, slot, decision)
      let undo = state.undo(state.member, slot)
      if isJournaled {
        copy(piece, to: undo)
        undo.noted = (index, step.step)
      }
      rules.apply(piece, operands(piece, gradient: gradient), at: step)
      state.versions[index].store(Int32(step.step + 1), ordering: .sequentiallyConsistent)
      if isJournaled { undo.noted = nil }
      summing.wrappingAdd(Int(summed - began), ordering: .relaxed)
      working.wrappingAdd(Int(Clock.nanoseconds - began), ordering: .relaxed)
    } else {
      state.versions[index].store(Int32(step.step + 1), ordering: .sequentiallyConsistent)
    }
    scratch.release(slot)
  }

  // MARK: Memory of a piece

  func operands(_ piece: UpdatePieces.Piece, gradient: UnsafePointer<Float>) -> UpdateOperands {
    let first = piece.range.lowerBound
    return UpdateOperands(
      count: piece.range.count, gradients: gradient, parameters: state.parameters.base + first,
      firstState: state.firstState(of: first), stateStride: state.stateStride,
      decays: rules.decays(piece))
  }

  /// The gradient of a piece over all members: where it lies, or summed into the thread's memory.
  func sum(_ piece: UpdatePieces.Piece, _ index: Int, _ slot: Int) -> UnsafePointer<Float> {
    let first = piece.range.lowerBound
    if operands.isEmpty {
      return UnsafePointer(state.gradients[Int(state.owners[index])][0].base + first)
    }
    if operands.count == 1 { return UnsafePointer(operands[0] + first) }
    let target = scratch[slot]
    Elementwise.fold(piece.range, operands, merges: merges, into: target - first)
    return UnsafePointer(target)
  }

  func clipped(
    _ gradient: UnsafePointer<Float>, _ piece: UpdatePieces.Piece, _ slot: Int, _ decision: UpdateDecision
  ) -> UnsafePointer<Float> {
    rules.clip(gradient, piece, decision, into: scratch[slot])
  }

  private func copy(_ piece: UpdatePieces.Piece, to undo: UndoCopy) {
    let (first, count) = (piece.range.lowerBound, piece.range.count)
    undo.values.update(from: state.parameters.base + first, count: count)
    for index in 0..<state.layout.core.stateCount {
      (undo.values + (index + 1) * state.layout.undoStride).update(
        from: state.firstState(of: first) + index * state.stateStride, count: count)
    }
  }

  /// Puts a piece back that was being changed when its thread ended.
  func restore(_ undo: UndoCopy) {
    guard state.layout.tail.isJournaled, let (index, version) = undo.noted,
      pieces.pieces.indices.contains(index)
    else { return }
    if Int(state.versions[index].load(ordering: .acquiring)) == version {
      let piece = pieces.pieces[index]
      let (first, count) = (piece.range.lowerBound, piece.range.count)
      (state.parameters.base + first).update(from: undo.values, count: count)
      for state in 0..<state.layout.core.stateCount {
        (self.state.firstState(of: first) + state * self.state.stateStride).update(
          from: undo.values + (state + 1) * self.state.layout.undoStride, count: count)
      }
    }
    undo.noted = nil
  }
}
