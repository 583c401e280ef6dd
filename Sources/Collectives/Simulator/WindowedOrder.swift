/// What ``IssueOrder`` does, for all ranks of a ``ScheduleStore``, in memory that grows with windows and not
/// with schedules: which actions of a rank may start.
///
/// State is kept for the actions in a window only. What waits for an action further on is not told that it is
/// complete; when an action comes into the window it looks itself which of those it waits for are incomplete.
/// That gives the same actions in the same order as `IssueOrder`, which the tests compare.
struct WindowedOrder {
  private struct Rank {
    /// The oldest incomplete action.
    var oldest: Int32 = 0
    /// The end of the window.
    var end: Int32 = 0
    var readyHead: Int32 = 0
    var readyCount: Int32 = 0
    /// The most actions in the window.
    var window: Int32
    /// Slots for them, less one: a power of two, so that slots are found without division.
    var mask: Int32
    /// The first slot.
    var slots: Int
  }

  private var ranks: [Rank]
  /// By slot: incomplete dependencies of the action in it, -1 once it is complete.
  private var waiting: [Int32]
  /// By slot, as a circle: the actions that may start.
  private var ready: [Int32]

  private static let complete: Int32 = -1

  init(_ store: ScheduleStore) {
    var slots = 0
    ranks = store.places.map { place in
      let window = min(Int(place.window), max(1, store.shapes[Int(place.shape)].count))
      let capacity = 1 << (Int.bitWidth - (window - 1).leadingZeroBitCount)
      defer { slots += capacity }
      return Rank(window: Int32(window), mask: Int32(capacity - 1), slots: slots)
    }
    waiting = Array(repeating: 0, count: slots)
    ready = Array(repeating: 0, count: slots)
    for rank in ranks.indices { _ = enter(rank, store) }
  }

  /// Slots of all ranks.
  var slotCount: Int { waiting.count }

  /// The slot of an action in the window.
  func slot(of action: Int, rank: Int) -> Int {
    ranks[rank].slots + action & Int(ranks[rank].mask)
  }

  func isInWindow(_ action: Int, rank: Int) -> Bool { action < Int(ranks[rank].end) }

  func isDone(_ rank: Int, _ store: ScheduleStore) -> Bool {
    Int(ranks[rank].oldest) == store.shapes[Int(store.places[rank].shape)].count
  }

  /// An action that may start now, or nil.
  mutating func next(_ rank: Int) -> Int? {
    guard ranks[rank].readyCount > 0 else { return nil }
    let action = ready[ranks[rank].slots + Int(ranks[rank].readyHead)]
    ranks[rank].readyHead = (ranks[rank].readyHead + 1) & ranks[rank].mask
    ranks[rank].readyCount -= 1
    return Int(action)
  }

  /// Takes note that an action, which `next` gave, is complete. Gives the actions that have come into the
  /// window by it.
  mutating func complete(_ action: Int, _ rank: Int, _ store: ScheduleStore) -> Range<Int> {
    waiting[slot(of: action, rank: rank)] = Self.complete
    let shape = store.shapes[Int(store.places[rank].shape)]
    let end = Int(ranks[rank].end)
    let first = action == 0 ? 0 : Int(store.dependentEnds[shape.actions + action - 1])
    for entry in first..<Int(store.dependentEnds[shape.actions + action]) {
      let dependent = Int(store.dependents[shape.dependencies + entry])
      guard dependent < end else { continue }
      let slot = slot(of: dependent, rank: rank)
      waiting[slot] -= 1
      if waiting[slot] == 0 { append(Int32(dependent), rank) }
    }
    guard action == Int(ranks[rank].oldest) else { return end..<end }
    var oldest = action
    while oldest < end, waiting[slot(of: oldest, rank: rank)] == Self.complete { oldest += 1 }
    ranks[rank].oldest = Int32(oldest)
    return enter(rank, store)
  }

  /// Takes the actions that fit into the window now.
  private mutating func enter(_ rank: Int, _ store: ScheduleStore) -> Range<Int> {
    let shape = store.shapes[Int(store.places[rank].shape)]
    let oldest = Int(ranks[rank].oldest)
    let old = Int(ranks[rank].end)
    let new = min(oldest + Int(ranks[rank].window), shape.count)
    for action in old..<new {
      var incomplete: Int32 = 0
      let first = action == 0 ? 0 : Int(store.dependencyEnds[shape.actions + action - 1])
      for entry in first..<Int(store.dependencyEnds[shape.actions + action]) {
        let dependency = Int(store.dependencies[shape.dependencies + entry])
        guard dependency >= oldest else { continue }
        if waiting[slot(of: dependency, rank: rank)] != Self.complete { incomplete += 1 }
      }
      waiting[slot(of: action, rank: rank)] = incomplete
      if incomplete == 0 { append(Int32(action), rank) }
    }
    ranks[rank].end = Int32(new)
    return old..<new
  }

  private mutating func append(_ action: Int32, _ rank: Int) {
    let place = (ranks[rank].readyHead + ranks[rank].readyCount) & ranks[rank].mask
    ready[ranks[rank].slots + Int(place)] = action
    ranks[rank].readyCount += 1
  }
}
