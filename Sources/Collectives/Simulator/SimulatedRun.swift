/// Runs the schedules of all ranks in virtual time.
///
/// **A rank** does what `ScheduleRunner` does: it starts all that ``IssueOrder`` lets it, then takes an
/// addition that may start, else a transfer that has completed, and begins anew; with nothing to do it waits.
/// Its thread is busy while it adds, and for the time that the model gives each message.
///
/// **A message** leaves its sender's node packet by packet (``Departures``), goes through the receiver's link
/// in the order of arrival, and is there when its last byte is, and the processors at both ends have copied
/// it; the copies go on while the links carry it. Transfers go on while their ranks add. Within a node a
/// message is one copy by the receiver's thread, into the receive's block when it is known.
///
/// **Beyond the eager limit** the sender asks, the receiver answers when both the question and its receive
/// are there, and the message goes when the sender has the answer. Questions and answers wait in line as
/// messages do.
struct SimulatedRun {
  let store: ScheduleStore
  let model: NetworkModel
  let elementBytes: Double
  let wireBytes: Double
  var order: WindowedOrder
  var queue: EventQueue
  var processors: Processors
  var departures: Departures
  var outgoing: [Link]
  var incoming: [Link]
  /// By node: whether its outgoing link will take the next packet by itself.
  var sends: [Bool]
  var threads: [Thread]
  /// By slot, as two circles for each rank: additions that may start, transfers that have completed.
  var sums: [Int32]
  var completed: [Int32]
  /// By slot: how far the message of a receive in the window has come.
  var deliveries: [Delivery]
  /// The same for receives that are not in the window yet, by rank and action.
  var early: [UInt64: Delivery] = [:]

  private(set) var ends: [Double]
  var sentBytes: [Double]
  var messageCount = 0
  private(set) var eventCount = 0

  /// A rank's thread, as the one who runs its schedule.
  struct Thread {
    var sumsHead: Int32 = 0
    var sumsCount: Int32 = 0
    var completedHead: Int32 = 0
    var completedCount: Int32 = 0
    /// The action that it is at, or -1.
    var busyWith: Int32 = -1
    /// Whether it will look for work by itself.
    var wakes = true
    var earlyCount: Int32 = 0
  }

  /// What a receive and its message know of each other.
  struct Delivery: OptionSet {
    let rawValue: UInt8
    /// The receive has started.
    static let posted = Delivery(rawValue: 1)
    /// The sender has asked.
    static let requested = Delivery(rawValue: 2)
    /// The message is there.
    static let arrived = Delivery(rawValue: 4)
  }

  /// - Parameters:
  ///   - starts: when each rank begins.
  ///   - ranks: in which order the ranks are told so; which one it is makes no difference.
  init(
    _ store: ScheduleStore, _ model: NetworkModel, elementBytes: Int, wireBytesPerElement: Int,
    starts: [Double], ranks: some Sequence<Int>
  ) {
    self.store = store
    self.model = model
    self.elementBytes = Double(elementBytes)
    wireBytes = Double(wireBytesPerElement)
    order = WindowedOrder(store)
    queue = EventQueue(capacity: 4 * store.size)
    processors = Processors(ranks: store.size, model: model)
    let nodes = (store.size + model.ranksPerNode - 1) / model.ranksPerNode
    departures = Departures(store, nodes: nodes)
    sends = Array(repeating: false, count: nodes)
    outgoing = Array(repeating: Link(), count: nodes)
    incoming = outgoing
    threads = Array(repeating: Thread(), count: store.size)
    sums = Array(repeating: 0, count: order.slotCount)
    completed = sums
    deliveries = Array(repeating: [], count: order.slotCount)
    ends = Array(repeating: 0, count: store.size)
    sentBytes = ends
    for rank in ranks { queue.insert(Event(.wake, at: starts[rank], rank: rank)) }
  }

  /// Runs to the end. Gives whether all ranks got there; schedules that the verifier has proved do.
  mutating func run() -> Bool {
    while let event = queue.popFirst() {
      eventCount += 1
      switch event.kind {
      case .wake: wake(event.rank, event.time)
      case .link:
        sends[event.rank] = false
        sendPackets(event.rank, event.time)
      case .requestBegins: land(event, then: .request)
      case .request: request(event)
      case .replyBegins: land(event, then: .reply)
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

  mutating func wake(_ rank: Int, _ time: Double) {
    threads[rank].wakes = false
    if threads[rank].busyWith >= 0 {
      let action = Int(threads[rank].busyWith)
      threads[rank].busyWith = -1
      finish(action, rank, time)
    }
    advance(rank, time)
  }

  /// Does all that the rank can do now, until it has to wait or is busy for a while.
  mutating func advance(_ rank: Int, _ time: Double) {
    if threads[rank].wakes { return }
    if processors.free[rank] > time {
      wakeUp(rank, at: processors.free[rank])
      return
    }
    while true {
      if let action = order.next(rank) {
        switch kind(action, rank) {
        case .send:
          if isBusy(rank, with: action, model.senderSecondsPerMessage, time) { return }
        case .receive: startReceive(action, rank, time)
        case .combine: pushSum(action, rank)
        }
      } else if let action = popSum(rank) {
        let bytes = Double(length(action, rank)) * elementBytes
        if isBusy(rank, with: action, bytes / model.reductionBytesPerSecond, time) { return }
      } else if let action = popCompleted(rank) {
        if kind(action, rank) == .send {
          complete(action, rank)
        } else if isBusy(rank, with: action, model.receiverSecondsPerMessage, time) {
          return
        }
      } else {
        break
      }
    }
    if order.isDone(rank, store) { ends[rank] = time }
  }

  /// Lets a thread work on an action: to start a send, to add, to handle what a receive brought. Gives
  /// whether that takes time; if not, it is done.
  mutating func isBusy(_ rank: Int, with action: Int, _ seconds: Double, _ time: Double) -> Bool {
    let end = processors.work(seconds, of: rank, from: time).end
    guard end > time else {
      finish(action, rank, time)
      return false
    }
    threads[rank].busyWith = Int32(action)
    wakeUp(rank, at: end)
    return true
  }

  mutating func finish(_ action: Int, _ rank: Int, _ time: Double) {
    if kind(action, rank) == .send { startSend(action, rank, time) } else { complete(action, rank) }
  }

  mutating func wakeUp(_ rank: Int, at time: Double) {
    threads[rank].wakes = true
    queue.insert(Event(.wake, at: time, rank: rank))
  }

  mutating func complete(_ action: Int, _ rank: Int) {
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

  // MARK: What the model and the schedules say

  var burstSeconds: Double { model.burstBytes / model.bandwidthBytesPerSecond }

  func node(_ rank: Int) -> Int { rank / model.ranksPerNode }

  func isLong(_ action: Int, _ rank: Int) -> Bool {
    Double(length(action, rank)) * wireBytes > Double(model.eagerLimitBytes)
  }

  func kind(_ action: Int, _ rank: Int) -> ScheduleStore.Kind {
    store.kinds[store.shapes[Int(store.places[rank].shape)].actions + action]
  }

  func length(_ action: Int, _ rank: Int) -> Int {
    Int(store.lengths[store.places[rank].lengths + action])
  }

  // MARK: The two circles of a thread

  mutating func pushSum(_ action: Int, _ rank: Int) {
    let place = Int(threads[rank].sumsHead + threads[rank].sumsCount)
    sums[order.slot(of: place, rank: rank)] = Int32(action)
    threads[rank].sumsCount += 1
  }

  mutating func popSum(_ rank: Int) -> Int? {
    guard threads[rank].sumsCount > 0 else { return nil }
    let action = sums[order.slot(of: Int(threads[rank].sumsHead), rank: rank)]
    threads[rank].sumsHead += 1
    threads[rank].sumsCount -= 1
    return Int(action)
  }

  mutating func pushCompleted(_ action: Int, _ rank: Int) {
    let place = Int(threads[rank].completedHead + threads[rank].completedCount)
    completed[order.slot(of: place, rank: rank)] = Int32(action)
    threads[rank].completedCount += 1
  }

  mutating func popCompleted(_ rank: Int) -> Int? {
    guard threads[rank].completedCount > 0 else { return nil }
    let action = completed[order.slot(of: Int(threads[rank].completedHead), rank: rank)]
    threads[rank].completedHead += 1
    threads[rank].completedCount -= 1
    return Int(action)
  }
}
