/// Something that happens at a moment of virtual time.
struct Event {
  /// Seconds from the start.
  let time: Double
  /// What happens to what. Which of two events at one moment comes first depends on what they are alone, not on which was
  /// foreseen first.
  private let key: UInt64
  /// The parcel that a packet is of.
  let parcel: Int

  enum Kind: UInt8, CaseIterable {
    /// A rank's thread is free.
    case wake
    /// A node's link can take a packet.
    case link
    /// The sender's question is at the receiver's node.
    case requestBegins
    /// The question is with the receiver.
    case request
    /// The receiver's answer is at the sender's node.
    case replyBegins
    /// The answer is with the sender.
    case reply
    /// The first byte of a packet of a message is at the receiver's node.
    case begins
    /// That packet comes out of the link of the receiver's node, where others were before it.
    case passes
    /// The message is with the receiver.
    case arrived
    /// The sender may use its block again.
    case sent
  }

  /// - Parameters:
  ///   - rank: the sender of the message, or whose thread it is.
  ///   - action: the message's send.
  init(_ kind: Kind, at time: Double, rank: Int, action: Int = 0, parcel: Int = 0) {
    self.time = time
    self.parcel = parcel
    key = UInt64(kind.rawValue) << 60 | UInt64(rank) << 32 | UInt64(action)
  }

  /// Ranks that a key has room for.
  static let maximumSize = 1 << 28

  var kind: Kind { Kind(rawValue: UInt8(key >> 60)) ?? .wake }
  var rank: Int { Int(key >> 32) & (Self.maximumSize - 1) }
  var action: Int { Int(key & 0xffff_ffff) }

  /// Compared in one go: times are not negative, so that their bits are in the order of their values.
  private var order: UInt128 { UInt128(time.bitPattern) << 64 | UInt128(key) }

  static func < (a: Event, b: Event) -> Bool { a.order < b.order }
}

/// Events in the order of their times: a heap in which every entry has four children, which costs fewer cache
/// lines than two. Which child is the least is found without branches, since no processor could foresee it.
///
/// It does not free its memory: see ``EventQueues``.
struct EventQueue {
  private var heap: UnsafeMutablePointer<Event>
  private(set) var count = 0
  private var capacity: Int
  private var ownsMemory = false

  /// An empty queue, with memory for its first events that it does not own.
  init(_ memory: UnsafeMutablePointer<Event>, capacity: Int) {
    heap = memory
    self.capacity = capacity
  }

  func free() { if ownsMemory { heap.deallocate() } }

  /// The time of the first event.
  var time: Double { count > 0 ? heap[0].time : .infinity }

  mutating func insert(_ event: Event) {
    if count == capacity { grow() }
    var hole = count
    count += 1
    while hole > 0 {
      let parent = (hole - 1) / 4
      guard event < heap[parent] else { break }
      (heap + hole).initialize(to: heap[parent])
      hole = parent
    }
    (heap + hole).initialize(to: event)
  }

  /// The first event, when there is one before that time.
  mutating func popFirst(before limit: Double) -> Event? {
    guard count > 0, heap[0].time < limit else { return nil }
    let first = heap[0]
    count -= 1
    let last = heap[count]
    var hole = 0
    while true {
      let child = 4 * hole + 1
      guard child < count else { break }
      var least = child
      if child + 3 < count {
        let left = heap[child + 1] < heap[child] ? child + 1 : child
        let right = heap[child + 3] < heap[child + 2] ? child + 3 : child + 2
        least = heap[right] < heap[left] ? right : left
      } else {
        for other in child + 1..<count where heap[other] < heap[least] { least = other }
      }
      guard heap[least] < last else { break }
      heap[hole] = heap[least]
      hole = least
    }
    heap[hole] = last
    return first
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Event>.allocate(capacity: 2 * capacity)
    larger.moveInitialize(from: heap, count: count)
    free()
    heap = larger
    capacity *= 2
    ownsMemory = true
  }
}

/// A queue of events for each group of ranks that affect each other at once.
///
/// Groups affect each other with a delay. So each can go on by that delay on its own before the next one does: few events are
/// in a queue, and what they are about is in the cache.
struct EventQueues: ~Copyable {
  private var queues = FlatArray<EventQueue>()
  /// By group: the time of its first event.
  private var times: FlatArray<Double>
  private let memory: UnsafeMutablePointer<Event>
  private static let capacity = 4

  init(groups: Int) {
    memory = .allocate(capacity: Self.capacity * groups)
    times = FlatArray(repeating: .infinity, count: groups)
    queues.reserveCapacity(groups)
    for group in 0..<groups {
      queues.append(EventQueue(memory + Self.capacity * group, capacity: Self.capacity))
    }
  }

  deinit {
    for group in 0..<queues.count { queues[group].free() }
    memory.deallocate()
  }

  var groups: Int { queues.count }

  mutating func insert(_ event: Event, _ group: Int) {
    queues[group].insert(event)
    times[group] = min(times[group], event.time)
  }

  /// The first event of a group, when there is one before that time.
  mutating func popFirst(_ group: Int, before limit: Double) -> Event? {
    let event = queues[group].popFirst(before: limit)
    if event == nil { times[group] = queues[group].time }
    return event
  }

  /// The time of the group's first event. Whoever takes events of a group goes on until `popFirst` gives none.
  func time(_ group: Int) -> Double { times[group] }

  /// The time of the first event of all.
  var time: Double {
    var first = Double.infinity
    for group in 0..<times.count { first = min(first, times[group]) }
    return first
  }
}
