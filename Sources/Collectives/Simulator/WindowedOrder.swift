/// What ``IssueOrder`` does, for all ranks of a ``ScheduleStore``, in memory that grows with windows and not
/// with schedules: which actions of a rank may start.
///
/// State is kept for the actions in a window only. What waits for an action further on is not told that it is
/// complete; when an action comes into the window it looks itself which of those it waits for are incomplete.
/// That gives the same actions in the same order as `IssueOrder`, which the tests compare.
struct WindowedOrder: ~Copyable {
  struct Rank {
    /// The oldest incomplete action.
    var oldest: Int32 = 0
    /// The end of the window.
    var end: Int32 = 0
    /// The most actions in the window.
    var window: Int32
    /// Slots for them, less one: a power of two, so that slots are found without division.
    var mask: Int32
    /// The first slot.
    var slots: Int
    var ready = ActionLine()
  }

  private var ranks = FlatArray<Rank>()
  /// By slot: incomplete dependencies of the action in it, -1 once it is complete.
  private var waiting: FlatArray<Int32>
  /// By slot, as a circle: the actions that may start.
  private var ready: FlatArray<Int32>

  private static let complete: Int32 = -1

  /// - Parameter ranks: the first so many.
  init(_ store: ScheduleStore, ranks count: Int) {
    var slots = 0
    for rank in 0..<count {
      let place = store.place(of: rank)
      let window = min(place.window, max(1, place.count))
      let capacity = 1 << (Int32.bitWidth - (window - 1).leadingZeroBitCount)
      ranks.append(Rank(window: window, mask: Int32(capacity - 1), slots: slots))
      slots += capacity
    }
    waiting = FlatArray(repeating: 0, count: slots)
    ready = FlatArray(repeating: 0, count: slots)
    for rank in 0..<count { _ = enter(rank, store) }
  }

  /// Slots of all ranks.
  var slotCount: Int { waiting.count }

  /// The first slot of a rank, and its number of slots, less one.
  func firstSlot(_ rank: Int) -> Int { ranks[rank].slots }
  func mask(_ rank: Int) -> Int32 { ranks[rank].mask }

  /// The slot of an action in the window.
  func slot(of action: Int, rank: Int) -> Int {
    ranks[rank].slots + action & Int(ranks[rank].mask)
  }

  func isInWindow(_ action: Int, rank: Int) -> Bool { action < Int(ranks[rank].end) }

  func isDone(_ rank: Int, _ store: ScheduleStore) -> Bool {
    ranks[rank].oldest == store.place(of: rank).count
  }

  /// An action that may start now, or nil.
  mutating func next(_ rank: Int) -> Int? {
    guard let place = ranks[rank].ready.removeFirst(mask: ranks[rank].mask) else { return nil }
    return Int(ready[ranks[rank].slots + place])
  }

  /// Takes note that an action, which `next` gave, is complete. Gives the actions that have come into the
  /// window by it.
  mutating func complete(_ action: Int, _ rank: Int, _ store: ScheduleStore) -> Range<Int> {
    let (slots, mask, end) = (ranks[rank].slots, Int(ranks[rank].mask), Int(ranks[rank].end))
    waiting[slots + action & mask] = Self.complete
    let step = store.step(action, rank)
    for entry in Int(step.firstDependent)..<Int(step.lastDependent) {
      let dependent = Int(store.dependents[entry])
      guard dependent < end else { continue }
      let slot = slots + dependent & mask
      waiting[slot] -= 1
      if waiting[slot] == 0 { append(Int32(dependent), rank) }
    }
    guard action == Int(ranks[rank].oldest) else { return end..<end }
    var oldest = action
    while oldest < end, waiting[slots + oldest & mask] == Self.complete { oldest += 1 }
    ranks[rank].oldest = Int32(oldest)
    return enter(rank, store)
  }

  /// Takes the actions that fit into the window now.
  private mutating func enter(_ rank: Int, _ store: ScheduleStore) -> Range<Int> {
    let place = store.place(of: rank)
    let (slots, mask) = (ranks[rank].slots, Int(ranks[rank].mask))
    let oldest = ranks[rank].oldest
    let old = Int(ranks[rank].end)
    let new = Int(min(oldest + ranks[rank].window, place.count))
    for action in old..<new {
      var incomplete: Int32 = 0
      let step = store.steps[Int(place.steps) + action]
      for entry in Int(step.firstDependency)..<Int(step.lastDependency) {
        let dependency = store.dependencies[entry]
        if dependency >= oldest, waiting[slots + Int(dependency) & mask] != Self.complete { incomplete += 1 }
      }
      waiting[slots + action & mask] = incomplete
      if incomplete == 0 { append(Int32(action), rank) }
    }
    ranks[rank].end = Int32(new)
    return old..<new
  }

  private mutating func append(_ action: Int32, _ rank: Int) {
    ready[ranks[rank].slots + ranks[rank].ready.append(mask: ranks[rank].mask)] = action
  }
}

/// Actions of a rank, first in, first out, in a circle of as many places as its window has slots. It begins anew at place 0
/// when it is empty, so that a short line stays in one cache line.
struct ActionLine {
  private var head: Int32 = 0
  private var count: Int32 = 0

  /// The place of one more.
  mutating func append(mask: Int32) -> Int {
    defer { count += 1 }
    return Int((head + count) & mask)
  }

  /// The place of the first, which leaves the line.
  mutating func removeFirst(mask: Int32) -> Int? {
    guard count > 0 else { return nil }
    let place = Int(head & mask)
    count -= 1
    head = count == 0 ? 0 : head + 1
    return place
  }
}
