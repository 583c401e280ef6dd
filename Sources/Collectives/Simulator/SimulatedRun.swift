/// Runs the schedules of all ranks in virtual time.
///
/// **A rank** does what `ScheduleRunner` does: it starts all that ``IssueOrder`` lets it, then takes an
/// addition that may start, else a transfer that has completed, and begins anew; with nothing to do it waits.
/// Its thread is busy while it adds, and for the time that the model gives each message.
///
/// **A message** goes through its sender's link, then its receiver's, in order of its first byte, and is
/// there when its last byte is through the later one and the processors at both ends have copied it; the
/// copies begin with the first byte. Transfers go on while their ranks add. Within a node a message is one
/// copy by the receiver's thread, into the receive's block when it is known.
///
/// **Beyond the eager limit** the sender asks (`requestBytes` go along), the receiver answers when both the
/// question and its receive are there, and the rest goes when the sender has the answer.
struct SimulatedRun {
  private let store: ScheduleStore
  private let model: NetworkModel
  private let elementBytes: Double
  private let wireBytes: Double
  private var order: WindowedOrder
  private var queue: EventQueue
  private var processors: Processors
  private var outgoing: [Link]
  private var incoming: [Link]
  private var threads: [Thread]
  /// By slot, as two circles for each rank: additions that may start, transfers that have completed.
  private var sums: [Int32]
  private var completed: [Int32]
  /// By slot: how far the message of a receive in the window has come.
  private var deliveries: [Delivery]
  /// The same for receives that are not in the window yet, by rank and action.
  private var early: [UInt64: Delivery] = [:]

  private(set) var finish: [Double]
  private(set) var sentBytes: [Double]
  private(set) var messageCount = 0
  private(set) var eventCount = 0

  /// A rank's thread, as the one who runs its schedule.
  private struct Thread {
    var sumsHead: Int32 = 0
    var sumsCount: Int32 = 0
    var completedHead: Int32 = 0
    var completedCount: Int32 = 0
    /// The addition that it is at, or -1.
    var adding: Int32 = -1
    /// Whether it will look for work by itself.
    var wakes = true
    var earlyCount: Int32 = 0
  }

  /// What a receive and its message know of each other.
  private struct Delivery: OptionSet {
    let rawValue: UInt8
    /// The receive has started.
    static let posted = Delivery(rawValue: 1)
    /// The sender has asked.
    static let requested = Delivery(rawValue: 2)
    /// The message is there.
    static let arrived = Delivery(rawValue: 4)
  }

  /// - Parameter ranks: in which order the ranks begin at time 0; which one it is makes no difference.
  init(
    _ store: ScheduleStore, _ model: NetworkModel, elementBytes: Int, wireBytesPerElement: Int,
    ranks: some Sequence<Int>
  ) {
    self.store = store
    self.model = model
    self.elementBytes = Double(elementBytes)
    wireBytes = Double(wireBytesPerElement)
    order = WindowedOrder(store)
    queue = EventQueue(capacity: 4 * store.size)
    processors = Processors(ranks: store.size, model: model)
    let nodes = (store.size + model.ranksPerNode - 1) / model.ranksPerNode
    outgoing = Array(repeating: Link(), count: nodes)
    incoming = outgoing
    threads = Array(repeating: Thread(), count: store.size)
    sums = Array(repeating: 0, count: order.slotCount)
    completed = sums
    deliveries = Array(repeating: [], count: order.slotCount)
    finish = Array(repeating: 0, count: store.size)
    sentBytes = finish
    for rank in ranks { queue.insert(Event(.wake, at: 0, rank: rank)) }
  }

  /// Runs to the end. Gives whether all ranks got there; schedules that the verifier has proved do.
  mutating func run() -> Bool {
    while let event = queue.popFirst() {
      eventCount += 1
      switch event.kind {
      case .wake: wake(event.rank, event.time)
      case .requestBegins: requestBegins(event)
      case .request: request(event)
      case .reply: reply(event)
      case .begins: begins(event)
      case .arrived: arrived(event)
      case .sent:
        pushCompleted(event.action, event.rank)
        advance(event.rank, event.time)
      }
    }
    return (0..<store.size).allSatisfy { order.isDone($0, store) }
  }

  /// Busy time of each node's link, out and in.
  var linkSeconds: (outgoing: [Double], incoming: [Double]) {
    (outgoing.map(\.busySeconds), incoming.map(\.busySeconds))
  }
  var threadSeconds: [Double] { processors.busySeconds }

  // MARK: A rank's thread

  private mutating func wake(_ rank: Int, _ time: Double) {
    threads[rank].wakes = false
    if threads[rank].adding >= 0 {
      let action = Int(threads[rank].adding)
      threads[rank].adding = -1
      complete(action, rank)
    }
    advance(rank, time)
  }

  /// Does all that the rank can do from `time` on, until it has to wait or is busy for a while.
  private mutating func advance(_ rank: Int, _ time: Double) {
    if threads[rank].wakes { return }
    if processors.free[rank] > time {
      wakeUp(rank, at: processors.free[rank])
      return
    }
    var now = time
    while true {
      while let action = order.next(rank) { now = start(action, rank, now) }
      if let action = popSum(rank) {
        let bytes = Double(length(action, rank)) * elementBytes
        let (_, end) = processors.work(bytes / model.reductionBytesPerSecond, of: rank, from: now)
        if end > now {
          threads[rank].adding = Int32(action)
          wakeUp(rank, at: end)
          return
        }
        complete(action, rank)
      } else if let action = popCompleted(rank) {
        if kind(action, rank) == .receive {
          now = processors.work(model.receiverSecondsPerMessage, of: rank, from: now).end
        }
        complete(action, rank)
      } else {
        break
      }
    }
    if order.isDone(rank, store) { finish[rank] = max(finish[rank], now) }
  }

  private mutating func wakeUp(_ rank: Int, at time: Double) {
    threads[rank].wakes = true
    queue.insert(Event(.wake, at: time, rank: rank))
  }

  /// Starts an action; gives when the thread can go on.
  private mutating func start(_ action: Int, _ rank: Int, _ time: Double) -> Double {
    switch kind(action, rank) {
    case .send: return startSend(action, rank, time)
    case .receive:
      startReceive(action, rank, time)
      return time
    case .combine:
      pushSum(action, rank)
      return time
    }
  }

  private mutating func complete(_ action: Int, _ rank: Int) {
    let entered = order.complete(action, rank, store)
    for action in entered {
      var delivery: Delivery = []
      if threads[rank].earlyCount > 0, let known = early.removeValue(forKey: Self.key(rank, action)) {
        threads[rank].earlyCount -= 1
        delivery = known
      }
      deliveries[order.slot(of: action, rank: rank)] = delivery
    }
  }

  // MARK: Messages

  private mutating func startSend(_ action: Int, _ rank: Int, _ time: Double) -> Double {
    let bytes = Double(length(action, rank)) * wireBytes
    messageCount += 1
    sentBytes[rank] += bytes
    let begun = processors.work(model.senderSecondsPerMessage, of: rank, from: time).end
    let (peer, _) = store.receiver(ofSend: action, rank: rank)
    let isLocal = node(rank) == node(peer)
    if bytes <= Double(model.eagerLimitBytes) {
      pushCompleted(action, rank)
      if isLocal {
        queue.insert(Event(.begins, at: begun + model.localLatencySeconds, rank: rank, action: action))
        return begun
      }
      return depart(.begins, bytes, action, rank, begun).copied
    }
    if isLocal {
      queue.insert(Event(.request, at: begun + model.localLatencySeconds, rank: rank, action: action))
      return begun
    }
    return depart(.requestBegins, requestBytes(bytes), action, rank, begun).copied
  }

  /// Gives bytes to the link of the sender's node, and foresees when the first of them is at the receiver's.
  /// They have been copied at `copied`, and left at `left`.
  private mutating func depart(
    _ kind: Event.Kind, _ bytes: Double, _ action: Int, _ rank: Int, _ time: Double
  ) -> (copied: Double, left: Double) {
    let copy = processors.work(bytes * model.senderSecondsPerByte, of: rank, from: time)
    let passage = outgoing[node(rank)].carry(
      bytes / model.bandwidthBytesPerSecond, from: copy.start, burstSeconds: burstSeconds)
    let left = max(passage.last, copy.end)
    queue.insert(
      Event(
        kind, at: passage.first + model.latencySeconds, rank: rank, action: action,
        bound: left + model.latencySeconds))
    return (copy.end, left)
  }

  /// Takes bytes from the link of the receiver's node; gives when all of them have been copied.
  private mutating func land(_ bytes: Double, _ event: Event, _ receiver: Int) -> Double {
    let passage = incoming[node(receiver)].carry(
      bytes / model.bandwidthBytesPerSecond, from: event.time, burstSeconds: burstSeconds)
    let copy = processors.work(
      bytes * model.receiverSecondsPerByte, of: receiver, from: passage.first)
    return max(passage.last, event.bound, copy.end)
  }

  private mutating func requestBegins(_ event: Event) {
    let (receiver, _) = store.receiver(ofSend: event.action, rank: event.rank)
    let bytes = Double(length(event.action, event.rank)) * wireBytes
    let end = land(requestBytes(bytes), event, receiver)
    queue.insert(Event(.request, at: end, rank: event.rank, action: event.action))
  }

  private mutating func request(_ event: Event) {
    let (receiver, action) = store.receiver(ofSend: event.action, rank: event.rank)
    let delivery = note(.requested, of: action, receiver)
    if delivery.contains(.posted) { answer(receiver, event.rank, event.action, event.time) }
  }

  private mutating func startReceive(_ action: Int, _ rank: Int, _ time: Double) {
    let delivery = note(.posted, of: action, rank)
    if delivery.contains(.arrived) {
      pushCompleted(action, rank)
    } else if delivery.contains(.requested) {
      let (sender, send) = store.sender(ofReceive: action, rank: rank)
      answer(rank, sender, send, time)
    }
  }

  /// The receiver lets a long message come.
  private mutating func answer(_ receiver: Int, _ sender: Int, _ send: Int, _ time: Double) {
    if node(receiver) == node(sender) {
      let bytes = Double(length(send, sender)) * wireBytes
      let end = copyLocally(bytes, receiver, time)
      queue.insert(Event(.arrived, at: end, rank: sender, action: send))
      queue.insert(Event(.sent, at: end, rank: sender, action: send))
    } else {
      queue.insert(Event(.reply, at: time + model.latencySeconds, rank: sender, action: send))
    }
  }

  private mutating func reply(_ event: Event) {
    let bytes = Double(length(event.action, event.rank)) * wireBytes
    let left = depart(.begins, bytes - requestBytes(bytes), event.action, event.rank, event.time).left
    queue.insert(Event(.sent, at: left, rank: event.rank, action: event.action))
  }

  private mutating func begins(_ event: Event) {
    let (receiver, _) = store.receiver(ofSend: event.action, rank: event.rank)
    let bytes = Double(length(event.action, event.rank)) * wireBytes
    let end: Double
    if node(receiver) == node(event.rank) {
      end = copyLocally(bytes, receiver, event.time)
    } else {
      let isRest = bytes > Double(model.eagerLimitBytes)
      end = land(isRest ? bytes - requestBytes(bytes) : bytes, event, receiver)
    }
    queue.insert(Event(.arrived, at: end, rank: event.rank, action: event.action))
  }

  private mutating func arrived(_ event: Event) {
    let (receiver, action) = store.receiver(ofSend: event.action, rank: event.rank)
    guard note(.arrived, of: action, receiver).contains(.posted) else { return }
    pushCompleted(action, receiver)
    advance(receiver, event.time)
  }

  private mutating func copyLocally(_ bytes: Double, _ receiver: Int, _ time: Double) -> Double {
    processors.work(bytes / model.localBandwidthBytesPerSecond, of: receiver, from: time).end
  }

  /// Remembers what is known of a receive's message; gives all that is.
  private mutating func note(_ news: Delivery, of action: Int, _ rank: Int) -> Delivery {
    if order.isInWindow(action, rank: rank) {
      let slot = order.slot(of: action, rank: rank)
      deliveries[slot].insert(news)
      return deliveries[slot]
    }
    let key = Self.key(rank, action)
    if early[key] == nil { threads[rank].earlyCount += 1 }
    early[key, default: []].insert(news)
    return early[key, default: []]
  }

  private static func key(_ rank: Int, _ action: Int) -> UInt64 { UInt64(rank) << 32 | UInt64(action) }

  // MARK: What the model and the schedules say

  private var burstSeconds: Double { model.burstBytes / model.bandwidthBytesPerSecond }

  private func node(_ rank: Int) -> Int { rank / model.ranksPerNode }

  private func requestBytes(_ bytes: Double) -> Double { min(Double(model.requestBytes), bytes) }

  private func kind(_ action: Int, _ rank: Int) -> ScheduleStore.Kind {
    store.kinds[store.shapes[Int(store.places[rank].shape)].actions + action]
  }

  private func length(_ action: Int, _ rank: Int) -> Int {
    Int(store.lengths[store.places[rank].lengths + action])
  }

  // MARK: The two circles of a thread

  private mutating func pushSum(_ action: Int, _ rank: Int) {
    let place = Int(threads[rank].sumsHead + threads[rank].sumsCount)
    sums[order.slot(of: place, rank: rank)] = Int32(action)
    threads[rank].sumsCount += 1
  }

  private mutating func popSum(_ rank: Int) -> Int? {
    guard threads[rank].sumsCount > 0 else { return nil }
    let action = sums[order.slot(of: Int(threads[rank].sumsHead), rank: rank)]
    threads[rank].sumsHead += 1
    threads[rank].sumsCount -= 1
    return Int(action)
  }

  private mutating func pushCompleted(_ action: Int, _ rank: Int) {
    let place = Int(threads[rank].completedHead + threads[rank].completedCount)
    completed[order.slot(of: place, rank: rank)] = Int32(action)
    threads[rank].completedCount += 1
  }

  private mutating func popCompleted(_ rank: Int) -> Int? {
    guard threads[rank].completedCount > 0 else { return nil }
    let action = completed[order.slot(of: Int(threads[rank].completedHead), rank: rank)]
    threads[rank].completedHead += 1
    threads[rank].completedCount -= 1
    return Int(action)
  }
}
