/// What waits to leave the nodes.
///
/// The messages of one rank to one other are a *flow*: they leave one after the other, as on a TCP
/// connection. The flows of a node share its link in turns: each sends a *packet* and goes to the end of the
/// line. So a short message waits for what is before it on its own connection, and for a packet of each of
/// the others, as it does between the connections of a host. Flows come in the order of their first message.
struct Departures {
  /// A message, or a part of one, on its way.
  struct Parcel {
    /// What happens when it begins to arrive.
    var kind: Event.Kind
    /// The message: its sender and its send.
    var rank: Int32
    var action: Int32
    var flow: Int32
    /// The next parcel of the flow, or of the free ones.
    var next: Int32 = -1
    /// Bytes that have not left, and bytes that have not arrived.
    var leaving: Double
    var arriving: Double
    /// When what has left was through, and copied.
    var left: Double = 0
  }

  /// Parcels by number; a number is used again when its parcel has arrived.
  private(set) var parcels: [Parcel] = []
  private var free: Int32 = -1
  /// The flows of rank r begin at `flows[r]`, in the order of its channels.
  private let flows: [Int]
  /// By flow: its first and last parcel, and the flow behind it in the line of its node.
  private var first: [Int32]
  private var last: [Int32]
  private var behind: [Int32]
  /// By node: the flows at the head and at the end of the line.
  private var head: [Int32]
  private var tail: [Int32]

  /// Bytes of a packet: what TCP gives a network card at a time, at most (segmentation offload).
  static let packetBytes = 65_536.0
  private static let none: Int32 = -1

  init(_ store: ScheduleStore, nodes: Int) {
    var flows: [Int] = []
    var count = 0
    for rank in 0..<store.size {
      flows.append(count)
      count += store.channelCount(of: rank)
    }
    precondition(count < Int32.max)
    self.flows = flows
    first = Array(repeating: Self.none, count: count)
    last = first
    behind = first
    head = Array(repeating: Self.none, count: nodes)
    tail = head
  }

  /// Puts a parcel into the line of its flow; `channel` is the number of the flow among those of `sender`.
  mutating func insert(
    _ kind: Event.Kind, rank: Int, action: Int, bytes: Double, sender: Int, channel: Int,
    node: Int
  ) {
    let flow = flows[sender] + channel
    let parcel = Parcel(
      kind: kind, rank: Int32(rank), action: Int32(action), flow: Int32(flow), leaving: bytes,
      arriving: bytes)
    let number = free >= 0 ? free : Int32(parcels.count)
    if free >= 0 {
      free = parcels[Int(number)].next
      parcels[Int(number)] = parcel
    } else {
      parcels.append(parcel)
    }
    if first[flow] == Self.none {
      first[flow] = number
      line(up: Int32(flow), node)
    } else {
      parcels[Int(last[flow])].next = number
    }
    last[flow] = number
  }

  func isEmpty(_ node: Int) -> Bool { head[node] == Self.none }

  /// Takes the next packet of a node: which parcel it is of, and how many bytes it has.
  mutating func popPacket(_ node: Int) -> (parcel: Int, bytes: Double) {
    let flow = head[node]
    head[node] = behind[Int(flow)]
    if head[node] == Self.none { tail[node] = Self.none }
    let number = Int(first[Int(flow)])
    let bytes = min(parcels[number].leaving, Self.packetBytes)
    parcels[number].leaving -= bytes
    if parcels[number].leaving == 0 { first[Int(flow)] = parcels[number].next }
    if first[Int(flow)] != Self.none { line(up: flow, node) }
    return (number, bytes)
  }

  mutating func leave(_ number: Int, at time: Double) { parcels[number].left = time }

  /// Takes note that the next packet of a parcel begins to arrive: how many bytes it has.
  mutating func arrive(_ number: Int) -> Double {
    let bytes = min(parcels[number].arriving, Self.packetBytes)
    parcels[number].arriving -= bytes
    return bytes
  }

  /// Frees the number of a parcel that has arrived.
  mutating func remove(_ number: Int) {
    parcels[number].next = free
    free = Int32(number)
  }

  private mutating func line(up flow: Int32, _ node: Int) {
    behind[Int(flow)] = Self.none
    if tail[node] == Self.none { head[node] = flow } else { behind[Int(tail[node])] = flow }
    tail[node] = flow
  }
}
