import Synchronization

/// The first words of a replica in named memory: what it is, and how it is laid out.
struct StateHeader {
  private let base: UnsafeMutableRawPointer

  init(_ base: UnsafeMutableRawPointer) { self.base = base }

  private enum Word: Int {
    case magic, format, model, arenaCount, stateCount, pieceCount, contents, seen, life
    case members, threads, buffers, leaves, isJournaled
    case isShard, rangeCount, set, nextSet, rank, size
    case early
  }

  /// `rondo` and a line feed, as bytes.
  private static let magic = 0x0a_6f_64_6e_6f_72
  private static let format = 5

  /// Names the model, its parameters and its optimizer.
  func write(_ core: StateLayout.Core, model: UInt64) {
    self[.format] = Self.format
    self[.model] = Int(bitPattern: UInt(model))
    self[.arenaCount] = core.arenaCount
    self[.stateCount] = core.stateCount
    self[.pieceCount] = core.pieceCount
    self[.isShard] = core.share == nil ? 0 : 1
    self[.rangeCount] = core.share?.ranges.count ?? 0
    if let share = core.share {
      let words = (base + core.rangesOffset).assumingMemoryBound(to: Int.self)
      for (index, range) in share.ranges.enumerated() {
        (words[3 * index], words[3 * index + 1]) = (range.lowerBound, range.upperBound)
        words[3 * index + 2] = share.areCopies[index] ? 1 : 0
      }
    }
    self[.magic] = Self.magic
  }

  /// Whether this is a replica of that model's state, a whole one.
  func isReplica(of core: StateLayout.Core, model: UInt64) -> Bool {
    isOf(core, model: model) && self[.isShard] == 0 && core.share == nil
  }

  /// Whether it is a part of a state that is shared out.
  var isShard: Bool { self[.magic] == Self.magic && self[.format] == Self.format && self[.isShard] == 1 }

  /// Where everything lies in a replica of that model's state, or in a share of one; nil if this is neither.
  ///
  /// - Parameter byteCount: of the memory.
  func core(like core: StateLayout.Core, model: UInt64, byteCount: Int) -> StateLayout.Core? {
    guard isOf(core, model: model) else { return nil }
    var found = core
    found.share = nil
    guard self[.isShard] == 1 else { return found }
    let (count, words) = (self[.rangeCount], (base + core.rangesOffset).assumingMemoryBound(to: Int.self))
    guard count >= 0, core.rangesOffset + 24 * count <= byteCount else { return nil }
    let bounds = (0..<count).map { (words[3 * $0], words[3 * $0 + 1], words[3 * $0 + 2]) }
    guard bounds.allSatisfy({ 0 <= $0.0 && $0.0 <= $0.1 && $0.1 <= core.arenaCount }) else { return nil }
    func ranges(_ kind: Int) -> [Range<Int>] { bounds.filter { $0.2 == kind }.map { $0.0..<$0.1 } }
    found.share = StateShare(ranges(0), copies: ranges(1))
    return found
  }

  private func isOf(_ core: StateLayout.Core, model: UInt64) -> Bool {
    self[.magic] == Self.magic && self[.format] == Self.format
      && self[.model] == Int(bitPattern: UInt(model))
      && self[.arenaCount] == core.arenaCount && self[.stateCount] == core.stateCount
      && self[.pieceCount] == core.pieceCount
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

  /// Names the shards that together are one state. `nextSet` is what `set` becomes when all ranks have taken them up.
  var set: Int {
    get { self[.set] }
    nonmutating set { self[.set] = newValue }
  }
  var nextSet: Int {
    get { self[.nextSet] }
    nonmutating set { self[.nextSet] = newValue }
  }

  /// The rank whose memory it is or was, and of how many: a hint, who best takes it up.
  var place: (rank: Int, size: Int) {
    get { (self[.rank], self[.size]) }
    nonmutating set { (self[.rank], self[.size]) = newValue }
  }

  /// Nil while it is made anew: then no update can be under way.
  var tail: StateLayout.Tail? {
    get {
      guard self[.members] > 0 else { return nil }
      return StateLayout.Tail(
        members: self[.members], threads: self[.threads], buffers: self[.buffers], leaves: self[.leaves],
        isJournaled: self[.isJournaled] == 1, early: self[.early])
    }
    nonmutating set {
      self[.members] = 0
      guard let newValue else { return }
      self[.threads] = newValue.threads
      self[.buffers] = newValue.buffers
      self[.leaves] = newValue.leaves
      self[.isJournaled] = newValue.isJournaled ? 1 : 0
      self[.early] = newValue.early
      self[.members] = newValue.members
    }
  }

  /// The directory of its run; nil where this host did not see it.
  var home: RunHome? {
    get {
      guard self[.magic] == Self.magic else { return nil }
      let length = homeWords[2]
      guard length > 0, length <= Self.longestPath else { return nil }
      let path = String(decoding: UnsafeRawBufferPointer(start: homePath, count: length), as: UTF8.self)
      return RunHome(path: path, device: homeWords[0], namespace: homeWords[1])
    }
    nonmutating set {
      homeWords[2] = 0
      guard let newValue, newValue.path.utf8.count <= Self.longestPath else { return }
      (homeWords[0], homeWords[1]) = (newValue.device, newValue.namespace)
      homePath.copyMemory(from: Array(newValue.path.utf8), byteCount: newValue.path.utf8.count)
      homeWords[2] = newValue.path.utf8.count
    }
  }

  private static let homeOffset = 1024
  private static let longestPath = StateLayout.Core.recordOffset - homeOffset - 32
  /// File system, mount namespace, bytes of the path.
  private var homeWords: UnsafeMutablePointer<Int> {
    (base + Self.homeOffset).assumingMemoryBound(to: Int.self)
  }
  private var homePath: UnsafeMutableRawPointer { base + Self.homeOffset + 32 }

  private subscript(word: Word) -> Int {
    get { pointer(word).pointee.load(ordering: .acquiring) }
    nonmutating set { pointer(word).pointee.store(newValue, ordering: .sequentiallyConsistent) }
  }

  private func pointer(_ word: Word) -> UnsafeMutablePointer<Atomic<Int>> {
    (base + 8 * word.rawValue).assumingMemoryBound(to: Atomic<Int>.self)
  }
}
