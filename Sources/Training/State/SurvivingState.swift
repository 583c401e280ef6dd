import Checkpoints
import Foundation
import MPI

/// The replicas of one run's state that named memory of this host holds: those of its earlier lives, and of the one at hand.
///
/// The names are `rondo-RUN-NUMBER`; who a file belongs to is asked of its lock, not of its name.
struct SurvivingState {
  /// Names the run, in hexadecimal.
  let run: String
  /// Names model and optimizer: other memory is never taken for this run's.
  let model: UInt64
  /// Of the run, as rank 0 names it; nil for a run without.
  var directory: String?
  /// Names this start of the run, the same on all ranks: hosts whose ranks see one /dev/shm, as containers may, leave each other's memory alone.
  var life = 0

  private static let prefix = "rondo-"
  /// A replica whose run ended so many seconds ago is nobody's.
  private static let keptSeconds = 3600

  private var home: RunHome? { directory.flatMap { RunHome($0, run: run) } }

  var prefix: String { "\(Self.prefix)\(run)-" }

  /// Removes the memory of a run on this host that no process has mapped.
  static func remove(ofRun run: String) {
    removeEmpty(ofRun: run)
    for name in SharedFile.names(prefix: "\(prefix)\(run)-") {
      guard let file = try? SharedFile(name: name) else { continue }
      if file.isAlone { file.unlinkName() }
    }
  }

  /// Removes files to which processes of a run that were killed had not given memory yet. At the end of a run nobody is about to.
  static func removeEmpty(ofRun run: String) {
    for name in SharedFile.names(prefix: "\(prefix)\(run)-") where SharedFile.byteCount(ofName: name) == 0 {
      SharedFile.remove(name: name)
    }
  }

  /// Bytes of this host's shared memory that earlier lives of the run have left: this one takes them up, or removes them.
  var leftBytes: Int {
    SharedFile.names(prefix: prefix).reduce(0) { $0 + SharedFile.byteCount(ofName: $1) }
  }

  /// Makes an empty replica.
  func making(_ layout: StateLayout) throws(CheckpointError) -> TrainingState {
    let number = String(UInt32.random(in: 0...UInt32.max), radix: 16)
    let state = TrainingState(
      try SharedFile(making: prefix + number, byteCount: layout.byteCount), layout, member: 0)
    state.header.hasContents = false
    state.header.write(layout.core, model: model)
    state.header.tail = layout.tail
    state.header.seen = time(nil)
    state.header.life = life
    state.header.home = home
    return state
  }

  /// The names of replicas of this run that its earlier lives have left.
  ///
  /// - Throws: if one is still in use after some seconds.
  func names() throws(CommonFailure) -> [String] {
    var names = SharedFile.names(prefix: prefix)
    names.removeAll(where: Self.isEmpty)
    for name in names {
      var patience = Self.patience
      while let file = try? SharedFile(name: name), !file.isAlone, !isOfThisLife(file) {
        // Two that wait while they have it open would wait for each other.
        file.release()
        try Self.wait(for: name, &patience)
      }
    }
    return names
  }

  /// Whether a file has no memory yet; one of a process that was killed before it had any is removed.
  private static func isEmpty(_ name: String) -> Bool {
    guard SharedFile.byteCount(ofName: name) == 0 else { return false }
    if (SharedFile.age(ofName: name) ?? 0) > 60 { SharedFile.remove(name: name) }
    return true
  }

  /// Looks, a tenth of a second apart or so, for which others may hold a file: a process that is being ended, or the start of another run that looks at it.
  private static let patience = 100

  private static func wait(for name: String, _ patience: inout Int) throws(CommonFailure) {
    guard patience > 0 else {
      throw CommonFailure(
        "\(MPI.processorName): a process of this run is still alive and holds \(SharedFile.folder)/\(name); end it first, "
          + "or choose another --output", exitStatus: 1)
    }
    patience -= 1
    usleep(.random(in: 20_000...150_000))
  }

  func isOfThisLife(_ file: SharedFile) -> Bool {
    guard let base = file.bytes.baseAddress, file.bytes.count >= StateLayout.Core.recordOffset else {
      return false
    }
    return StateHeader(base).life == life
  }

  /// The newest of some replicas that holds the state after a whole step; `finish` brings an update that was cut off to its end. The
  /// others are removed.
  ///
  /// - Parameter finish: returns the step at which a replica is then, nil if it is at none.
  /// - Throws: as `claim`.
  func newest(
    of names: [String], _ core: StateLayout.Core, finish: (TrainingState) -> Int?
  ) throws(CommonFailure) -> (state: TrainingState, progress: TrainingProgress)? {
    var best: (state: TrainingState, progress: TrainingProgress)?
    for name in names {
      guard let file = try claim(name) else { continue }
      defer { file.share() }
      guard let found = read(file, core, finish: finish), found.progress.step > best?.progress.step ?? -1
      else {
        file.unlinkName()
        continue
      }
      best?.state.file.unlinkName()
      best = found
    }
    return best
  }

  /// Takes a file for this start, until `share` for this process alone; nil if others of this start have it, or if it is gone.
  ///
  /// - Throws: if others still hold it after some seconds.
  func claim(_ name: String) throws(CommonFailure) -> SharedFile? {
    // Others of this start may be after it too, or have it by now.
    guard let file = try? SharedFile(name: name) else { return nil }
    var patience = Self.patience
    while !isOfThisLife(file), !file.claim() {
      // As above.
      file.release()
      try Self.wait(for: name, &patience)
    }
    // Another run that was short of memory may have taken the name meanwhile.
    guard !isOfThisLife(file), file.isNamed else {
      file.share()
      return nil
    }
    if let base = file.bytes.baseAddress, file.bytes.count >= StateLayout.Core.recordOffset {
      StateHeader(base).life = life
    }
    return file
  }

  private func read(
    _ file: SharedFile, _ core: StateLayout.Core, finish: (TrainingState) -> Int?
  ) -> (state: TrainingState, progress: TrainingProgress)? {
    guard let base = file.bytes.baseAddress, file.bytes.count >= core.byteCount else { return nil }
    let header = StateHeader(base)
    guard header.isReplica(of: core, model: model), header.hasContents else { return nil }
    let tail = header.tail ?? .none
    let layout = StateLayout(core: core, tail: tail)
    guard file.bytes.count >= layout.byteCount else { return nil }
    let state = TrainingState(file, layout, member: 0)
    let step = tail.members == 0 ? state.step : finish(state)
    guard let step, let progress = state.progress(ofStep: step) else { return nil }
    return (state, progress)
  }

  /// The replica for other ranks than those that left it: parameters and states stay, all else is as before a first step.
  func adopt(
    _ state: TrainingState, _ progress: TrainingProgress, for layout: StateLayout
  ) throws(CheckpointError) -> TrainingState {
    state.recordForOthers(progress)
    state.header.tail = nil
    // Gradients begin as zeros: what lies between tensors is summed with them in every step, and is never written by backward.
    if state.layout.tail != layout.tail { try state.file.resize(to: layout.core.byteCount) }
    try state.file.resize(to: layout.byteCount)
    let adopted = TrainingState(state.file, layout, member: 0)
    adopted.clearTail()
    adopted.header.tail = layout.tail
    adopted.header.home = home
    return adopted
  }

  /// Removes what runs of this user have left that have no process any more: replicas of a run whose directory is gone, those that were not seen for
  /// an hour, and where memory is short all but this run's.
  ///
  /// - Parameter needed: bytes, beside what this run has.
  func removeOthers(needed: Int) {
    let isShort = MPI.freeSharedMemoryBytes ?? 0 < needed
    for name in SharedFile.names(prefix: Self.prefix) where !name.hasPrefix(prefix) {
      guard let file = try? SharedFile(name: name), file.isAlone, let base = file.bytes.baseAddress else {
        _ = Self.isEmpty(name)
        continue
      }
      let run = String(name.dropFirst(Self.prefix.count).prefix { $0 != "-" })
      let isHomeless =
        file.bytes.count >= StateLayout.Core.recordOffset && StateHeader(base).home?.isGone(run: run) == true
      let isOld = time(nil) - StateHeader(base).seen > Self.keptSeconds
      if isOld && (SharedFile.age(ofName: name) ?? 0) > 60 || isHomeless || isShort { file.unlinkName() }
    }
  }
}
