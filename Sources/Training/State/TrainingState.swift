import Checkpoints
import Collectives
import Graph
import Optimizers
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// One replica of what training comes to, and what an update needs, as it lies in memory: typed access to a `StateLayout`.
///
/// Memory with a name outlives the ranks. Then it is consistent at every instant: `ParameterUpdate` says how.
final class TrainingState {
  let layout: StateLayout
  /// Which of the ranks that share it this one is.
  let member: Int
  let file: SharedFile

  let parameters: Arena
  /// For each member its gradient arenas.
  let gradients: [[Arena]]

  /// Whether the last arena of state is an average of the weights.
  var keepsAverage = false

  private let base: UnsafeMutableRawPointer

  /// Over memory that has been laid out.
  init(_ file: SharedFile, _ layout: StateLayout, member: Int) {
    precondition(
      file.bytes.count >= layout.byteCount,
      "TrainingState: expected \(layout.byteCount) bytes, found \(file.bytes.count)")
    guard let base = file.bytes.baseAddress else { preconditionFailure("TrainingState: expected memory") }
    self.file = file
    self.layout = layout
    self.member = member
    self.base = base
    func arena(_ offset: Int) -> Arena {
      Arena(
        borrowing: UnsafeMutableBufferPointer(
          start: (base + offset).assumingMemoryBound(to: Float.self), count: layout.core.arenaCount), of: file
      )
    }
    parameters = arena(layout.core.parametersOffset)
    gradients = (0..<layout.tail.members).map { member in
      (0..<layout.tail.buffers).map { arena(layout.gradientOffset(member, $0)) }
    }
  }

  var header: StateHeader { StateHeader(base) }

  /// Writes what a run has come to. Each member for itself, before it begins the update that makes that step: whoever begins first, the
  /// record is there.
  func record(_ progress: TrainingProgress) {
    if member == 0 { header.seen = time(nil) }
    slot(member).records.write(progress)
  }

  /// Writes it where other members will find it, when the slots of these are gone.
  func recordForOthers(_ progress: TrainingProgress) { commonRecords.write(progress) }

  func progress(ofStep step: Int) -> TrainingProgress? {
    let found = (0..<layout.tail.members).lazy.compactMap { [self] in slot($0).records.read(step: step) }
    return found.first ?? commonRecords.read(step: step)
  }

  private var commonRecords: ProgressRecords {
    ProgressRecords(
      base + StateLayout.Core.recordOffset, recordBytes: StateLayout.Core.recordBytes)
  }

  /// Makes the tail as it is before the first step.
  func clearTail() {
    let (start, end) = (layout.slotOffset(0), layout.gradientOffset(0, 0))
    memset(base + start, 0, end - start)
  }

  /// This rank's gradient arenas.
  var ownGradients: [Arena] { gradients[member] }

  /// Elements from one of a member's gradient arenas to the next.
  var gradientStride: Int { layout.core.arenaStride / MemoryLayout<Float>.stride }

  /// The first arena of optimizer state; the others follow, `stateStride` elements apart.
  var firstState: UnsafeMutablePointer<Float> { floats(layout.core.stateOffset(0)) }
  var stateStride: Int { layout.core.stateStride / 4 }

  /// The state of the element at an offset of the arena, in the first arena of state.
  func firstState(of offset: Int) -> UnsafeMutablePointer<Float> {
    firstState + layout.core.statePlace(of: offset)
  }

  /// The average of the weights, if one is kept and is here whole.
  var average: Arena? {
    guard keepsAverage, layout.core.share == nil else { return nil }
    let start = firstState + (layout.core.stateCount - 1) * stateStride
    return Arena(
      borrowing: UnsafeMutableBufferPointer(start: start, count: layout.core.arenaCount), of: file)
  }

  /// The average of a range of the weights that is in the share.
  func shareOfAverage(_ range: Range<Int>) -> UnsafeMutablePointer<Float> {
    firstState(of: range.lowerBound) + (layout.core.stateCount - 1) * stateStride
  }

  /// For each piece how many steps' updates it has seen.
  var versions: UnsafeMutablePointer<Atomic<Int32>> {
    (base + StateLayout.Core.versionsOffset).assumingMemoryBound(to: Atomic<Int32>.self)
  }

  /// For each piece the member that updates it.
  var owners: UnsafeMutablePointer<Int32> {
    (base + layout.ownersOffset).assumingMemoryBound(to: Int32.self)
  }

  /// For each piece the version that its last early update made, while that can be taken back: then the copies are complete.
  var earlyVersions: UnsafeMutablePointer<Atomic<Int32>> {
    (base + layout.earlyOffset).assumingMemoryBound(to: Atomic<Int32>.self)
  }

  /// Where an early update of the piece at `offset` of the arena copies parameters (0) and states (from 1 on) to.
  ///
  /// - Parameter owner: the member that updates the piece.
  func copy(_ index: Int, of offset: Int, owner: Int) -> UnsafeMutablePointer<Float> {
    let buffers = layout.tail.buffers
    if index < buffers { return gradients[owner][index].base + offset }
    return floats(layout.copyOffset(index - buffers)) + layout.copyPlace(of: offset)
  }

  /// For each piece the squared norm of its gradient, and what the optimizer's `squaredNorms` gives.
  var norms: UnsafeMutablePointer<Double> {
    (base + layout.normsOffset).assumingMemoryBound(to: Double.self)
  }

  var allNorms: UnsafeMutableBufferPointer<Double> {
    UnsafeMutableBufferPointer(start: norms, count: StateLayout.normCount * layout.core.pieceCount)
  }

  func slot(_ member: Int) -> MemberSlot { MemberSlot(base + layout.slotOffset(member)) }
  func undo(_ member: Int, _ thread: Int) -> UndoCopy { UndoCopy(base + layout.undoOffset(member, thread)) }

  /// Steps done: the least version of all pieces.
  var step: Int {
    Int((0..<layout.core.pieceCount).map { versions[$0].load(ordering: .acquiring) }.min() ?? 0)
  }

  /// Sets the step that the contents belong to.
  func setStep(_ step: Int) {
    for piece in 0..<layout.core.pieceCount { versions[piece].store(Int32(step), ordering: .releasing) }
  }

  /// The memory for `count` elements of which the ranks of a host are to see each other's arenas.
  var sharedMemory:
    (
      bases: [UnsafeMutablePointer<Float>],
      counters: [(
        computation: UnsafeMutablePointer<Atomic<Int>>, communication: UnsafeMutablePointer<Atomic<Int>>
      )]
    )
  {
    let members = 0..<layout.tail.members
    return (
      members.map { floats(layout.gradientOffset($0, 0)) },
      members.map { (slot($0).computation, slot($0).communication) }
    )
  }

  private func floats(_ offset: Int) -> UnsafeMutablePointer<Float> {
    (base + offset).assumingMemoryBound(to: Float.self)
  }
}
