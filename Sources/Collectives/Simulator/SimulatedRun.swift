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
///
/// **Groups.** Ranks that share a node, or cores, are a group. Between groups nothing is felt before a latency has
/// passed, so each is run for a latency on its own, with the few events that are its own, before the next one is.
///
/// **Folding.** Where all groups do the same at the same time (see ``RankSymmetry``), one of them stands for all: what it sends
/// to another comes to itself, as the other's like comes to it. The results are the same to the bit, unless messages of two
/// groups come to one at the same moment: then the lower rank's is first, and who that is differs from group to group. If that
/// happens the run is given up, and all groups are run.
struct SimulatedRun: ~Copyable {
  let store: ScheduleStore
  let model: NetworkModel
  let elementBytes: Double
  let wireBytes: Double
  let burstSeconds: Double
  /// Ranks that are run: all, or those of one group that stands for the others.
  let seats: Int
  private let groupSize: Int
  var order: WindowedOrder
  var queues: EventQueues
  var processors: Processors
  var departures: Departures
  var nodes: FlatArray<Node>
  var threads: FlatArray<Thread>
  /// By slot, as two circles for each rank: additions that may start, transfers that have completed.
  var sums: FlatArray<Int32>
  var completed: FlatArray<Int32>
  /// By slot: how far the message of a receive in the window has come.
  var deliveries: FlatArray<Delivery>
  /// The same for receives that are not in the window yet, by rank and action.
  var early: [UInt64: Delivery] = [:]

  var messageCount = 0
  private(set) var eventCount = 0

  struct Node {
    var outgoing = Link()
    var incoming = Link()
    /// Whether its outgoing link will take the next packet by itself.
    var sends = false
  }

  /// What a receive and its message know of each other.
  struct Delivery: OptionSet, BitwiseCopyable {
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
  ///   - seats: ranks that are run, if not all: of one group.
  init(
    _ store: ScheduleStore, _ model: NetworkModel, elementBytes: Int, wireBytesPerElement: Int,
    starts: [Double], ranks: some Sequence<Int>, seats: Int? = nil
  ) {
    self.store = store
    self.model = model
    self.elementBytes = Double(elementBytes)
    wireBytes = Double(wireBytesPerElement)
    burstSeconds = model.burstBytes / model.bandwidthBytesPerSecond
    let seats = seats ?? store.size
    self.seats = seats
    // Without a latency between them, all ranks affect each other at once.
    groupSize = model.latencySeconds > 0 ? min(model.groupSize(ranks: store.size), seats) : max(1, seats)
    order = WindowedOrder(store, ranks: seats)
    queues = EventQueues(groups: (seats + groupSize - 1) / groupSize)
    processors = Processors(ranks: seats, model: model)
    let nodes = (seats + model.ranksPerNode - 1) / model.ranksPerNode
    departures = Departures(flows: Int(store.firstFlows[seats]), nodes: nodes)
    self.nodes = FlatArray(repeating: Node(), count: nodes)
    sums = FlatArray(repeating: 0, count: order.slotCount)
    completed = FlatArray(repeating: 0, count: order.slotCount)
    deliveries = FlatArray(repeating: [], count: order.slotCount)
    threads = FlatArray()
    for rank in 0..<seats { threads.append(Thread(mask: order.mask(rank))) }
    for rank in ranks where rank < seats {
      queues.insert(Event(.wake, at: starts[rank], rank: rank), group(rank))
    }
  }

  /// How a run ended.
  enum Ending {
    /// All ranks got to the end; with schedules that the verifier has proved they do.
    case done
    case deadlock
    /// One group cannot stand for all.
    case ambiguous
  }

  /// Runs to the end.
  mutating func run() -> Ending {
    var order = FoldedOrder()
    let isFolded = seats < store.size
    while true {
      let time = queues.time
      guard time < .infinity else { break }
      // What other groups do from that time on is not felt before then.
      let horizon = queues.groups == 1 ? .infinity : max(time + model.latencySeconds, time.nextUp)
      for group in 0..<queues.groups where queues.time(group) < horizon {
        while let event = queues.popFirst(group, before: horizon) {
          eventCount += 1
          if isFolded, !order.isClear(event, from: origin(of: event)) { return .ambiguous }
          handle(event)
        }
      }
    }
    for rank in 0..<seats where !self.order.isDone(rank, store) { return .deadlock }
    return .done
  }

  private mutating func handle(_ event: Event) {
    switch event.kind {
    case .wake: wake(event.rank, event.time)
    case .link:
      nodes[event.rank].sends = false
      sendPackets(event.rank, event.time)
    case .requestBegins, .replyBegins: land(event)
    case .request: request(event)
    case .reply: reply(event)
    case .begins: begins(event)
    case .passes: passes(event)
    case .arrived: arrived(event)
    case .sent:
      pushCompleted(event.action, event.rank)
      advance(event.rank, event.time)
    }
  }

  // Inlined: the compiler would copy a value that it cannot retain for the call of a function that only reads it.

  @inline(__always)
  func node(_ rank: Int) -> Int { model.ranksPerNode == 1 ? rank : rank / model.ranksPerNode }

  @inline(__always)
  func group(_ rank: Int) -> Int { groupSize == 1 ? rank : rank / groupSize }

  /// The rank that is run in the place of a rank.
  @inline(__always)
  func seat(_ rank: Int) -> Int { rank < seats ? rank : rank % seats }

  @inline(__always)
  func isLong(_ action: Int, _ rank: Int) -> Bool {
    Double(length(action, rank)) * wireBytes > Double(model.eagerLimitBytes)
  }

  @inline(__always)
  func kind(_ action: Int, _ rank: Int) -> ScheduleStore.Kind { store.step(action, rank).kind }

  @inline(__always)
  func length(_ action: Int, _ rank: Int) -> Int { store.length(action, rank) }

  /// How many groups on a message comes from; 0 where an event is of a rank's own.
  @inline(__always)
  private func origin(of event: Event) -> Int {
    switch event.kind {
    case .requestBegins, .request, .begins, .passes, .arrived:
      store.receiver(ofSend: event.action, rank: event.rank).peer / seats
    case .wake, .link, .replyBegins, .reply, .sent: 0
    }
  }
}
