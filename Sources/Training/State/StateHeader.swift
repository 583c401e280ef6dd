import Synchronization

/// The first words of a replica in named memory: what it is, and how it is laid out.
struct StateHeader {
  private let base: UnsafeMutableRawPointer

  init(_ base: UnsafeMutableRawPointer) { self.base = base }

  private enum Word: Int {
    case magic, format, model, arenaCount, stateCount, pieceCount, contents, seen, life
    case members, threads, buffers, leaves, isJournaled
  }

  /// `rondo` and a line feed, as bytes.
  private static let magic = 0x0a_6f_64_6e_6f_72
  private static let format = 1

  /// Names the model, its parameters and its optimizer.
  func write(_ core: StateLayout.Core, model: UInt64) {
    self[.format] = Self.format
    self[.model] = Int(bitPattern: UInt(model))
    self[.arenaCount] = core.arenaCount
    self[.stateCount] = core.stateCount
    self[.pieceCount] = core.pieceCount
    self[.magic] = Self.magic
  }

  /// Whether this is a replica of that model's state.
  func isReplica(of core: StateLayout.Core, model: UInt64) -> Bool {
    self[.magic] == Self.magic && self[.format] == Self.format
      && self[.model] == Int(bitPattern: UInt(model))
      && core
        == StateLayout.Core(
          arenaCount: self[.arenaCount], stateCount: self[.stateCount], pieceCount: self[.pieceCount])
  }

  /// Whether parameters and states are those of one step. False while they are received.
  var hasContents: Bool {
    get { self[.contents] == 1 }
    nonmutating set { self[.contents] = newValue ? 1 : 0 }
  }

  /// Seconds since 1970 when its run was last seen alive.
  var seen: Int {
    get { self[.seen] }
    nonmutating set { self[.seen] = newValue }
  }

  /// Names the start of the run that has it now, or had it last.
  var life: Int {
    get { self[.life] }
    nonmutating set { self[.life] = newValue }
  }

  /// Nil while it is made anew: then no update can be under way.
  var tail: StateLayout.Tail? {
    get {
      guard self[.members] > 0 else { return nil }
      return StateLayout.Tail(
        members: self[.members], threads: self[.threads], buffers: self[.buffers], leaves: self[.leaves],
        isJournaled: self[.isJournaled] == 1)
    }
    nonmutating set {
      self[.members] = 0
      guard let newValue else { return }
      self[.threads] = newValue.threads
      self[.buffers] = newValue.buffers
      self[.leaves] = newValue.leaves
      self[.isJournaled] = newValue.isJournaled ? 1 : 0
      self[.members] = newValue.members
    }
  }

  private subscript(word: Word) -> Int {
    get { pointer(word).pointee.load(ordering: .acquiring) }
    nonmutating set { pointer(word).pointee.store(newValue, ordering: .sequentiallyConsistent) }
  }

  private func pointer(_ word: Word) -> UnsafeMutablePointer<Atomic<Int>> {
    (base + 8 * word.rawValue).assumingMemoryBound(to: Atomic<Int>.self)
  }
}
