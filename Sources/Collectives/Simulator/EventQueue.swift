/// Something that happens at a moment of virtual time.
struct Event {
  /// When, and behind it what happens to what: as one number, so that events are compared in one go. Which of
  /// two at one moment comes first depends on what they are alone, not on which was foreseen first.
  private let order: UInt128
  /// The parcel that a packet is of.
  let parcel: Int

  enum Kind: UInt8 {
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
    /// The message is with the receiver.
    case arrived
    /// The sender may use its block again.
    case sent
  }

  /// - Parameters:
  ///   - rank: the sender of the message, or whose thread it is.
  ///   - action: the message's send.
  init(_ kind: Kind, at time: Double, rank: Int, action: Int = 0, parcel: Int = 0) {
    self.parcel = parcel
    let key = UInt64(kind.rawValue) << 60 | UInt64(rank) << 32 | UInt64(action)
    // Times are not negative: their bits are in the order of their values.
    order = UInt128(time.bitPattern) << 64 | UInt128(key)
  }

  /// Ranks that a key has room for.
  static let maximumSize = 1 << 28

  /// Seconds from the start.
  var time: Double { Double(bitPattern: UInt64(truncatingIfNeeded: order >> 64)) }
  private var key: UInt64 { UInt64(truncatingIfNeeded: order) }
  var kind: Kind { Kind(rawValue: UInt8(key >> 60)) ?? .wake }
  var rank: Int { Int(key >> 32) & (Self.maximumSize - 1) }
  var action: Int { Int(key & 0xffff_ffff) }

  static func < (a: Event, b: Event) -> Bool { a.order < b.order }
}

/// Events in the order of their times: a heap in which every entry has four children, which costs fewer cache
/// lines than two. Which child is the least is found without branches, since no processor could foresee it.
struct EventQueue {
  private var heap: [Event] = []

  init(capacity: Int) { heap.reserveCapacity(capacity) }

  mutating func insert(_ event: Event) {
    var hole = heap.count
    heap.append(event)
    heap.withUnsafeMutableBufferPointer { heap in
      while hole > 0 {
        let parent = (hole - 1) / 4
        guard event < heap[parent] else { break }
        heap[hole] = heap[parent]
        hole = parent
      }
      heap[hole] = event
    }
  }

  mutating func popFirst() -> Event? {
    guard let last = heap.popLast() else { return nil }
    guard let first = heap.first else { return last }
    heap.withUnsafeMutableBufferPointer { heap in
      let count = heap.count
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
    }
    return first
  }
}
