/// What waits to leave the nodes.
///
/// The messages of one rank to one other are a *flow*: they leave one after the other, as on a TCP
/// connection. The flows of a node share its link in turns: each sends a *packet* and goes to the end of the
/// line. So a short message waits for what is before it on its own connection, and for a packet of each of
/// the others, as it does between the connections of a host. Flows come in the order of their first message.
struct Departures: ~Copyable {
  /// A message, or a part of one, on its way.
  struct Parcel {
    /// What happens when it begins to arrive.
    var kind: Event.Kind
    /// The message: its sender and its send.
    var rank: Int32
    var action: Int32
    var flow: Int32
    /// Where it leaves.
    var node: Int32
    /// The next parcel of the flow, or of the free ones.
    var next: Int32 = -1
    /// Bytes that have not left, that have not arrived, and that have not been copied at the other end.
    var leaving: Double
    var arriving: Double
    var taking: Double
    /// When what has left was through, and copied.
    var left: Double = 0
    /// When what has arrived is through the link of the other end.
    var passed: Double = 0
  }

  struct Flow {
    /// Its first and last parcel, and the flow behind it in the line of its node.
    var first: Int32
    var last: Int32
    var behind: Int32
  }

  struct Line {
    /// The flows at its head and at its end.
    var head: Int32
    var tail: Int32
    /// The first free parcel: a node takes those again that it had, which are in the cache.
    var free: Int32
  }

  /// Parcels by number; a number is used again when its parcel has arrived.
  private(set) var parcels = FlatArray<Parcel>()
  private var flows: FlatArray<Flow>
  /// By node.
  private var lines: FlatArray<Line>

  /// Bytes of a packet: what TCP gives a network card at a time, at most (segmentation offload).
  static let packetBytes = 65_536.0
  private static let none: Int32 = -1

  init(flows count: Int, nodes: Int) {
    flows = FlatArray(repeating: Flow(first: Self.none, last: Self.none, behind: Self.none), count: count)
    lines = FlatArray(repeating: Line(head: Self.none, tail: Self.none, free: Self.none), count: nodes)
  }

  /// Puts a parcel into the line of its flow, which goes out of that node.
  mutating func insert(
    _ kind: Event.Kind, rank: Int, action: Int, bytes: Double, flow: Int, node: Int
  ) {
    let parcel = Parcel(
      kind: kind, rank: Int32(rank), action: Int32(action), flow: Int32(flow), node: Int32(node),
      leaving: bytes, arriving: bytes, taking: bytes)
    var number = lines[node].free
    if number >= 0 {
      lines[node].free = parcels[Int(number)].next
      parcels[Int(number)] = parcel
    } else {
      number = Int32(parcels.count)
      parcels.append(parcel)
    }
    if flows[flow].first == Self.none {
      flows[flow].first = number
      line(up: Int32(flow), node)
    } else {
      parcels[Int(flows[flow].last)].next = number
    }
    flows[flow].last = number
  }

  func isEmpty(_ node: Int) -> Bool { lines[node].head == Self.none }

  /// Takes the next packet of a node: which parcel it is of, and how many bytes it has.
  mutating func popPacket(_ node: Int) -> (parcel: Int, bytes: Double) {
    let flow = lines[node].head
    lines[node].head = flows[Int(flow)].behind
    if lines[node].head == Self.none { lines[node].tail = Self.none }
    let number = Int(flows[Int(flow)].first)
    let bytes = min(parcels[number].leaving, Self.packetBytes)
    parcels[number].leaving -= bytes
    if parcels[number].leaving == 0 { flows[Int(flow)].first = parcels[number].next }
    if flows[Int(flow)].first != Self.none { line(up: flow, node) }
    return (number, bytes)
  }

  mutating func leave(_ number: Int, at time: Double) { parcels[number].left = time }

  /// Takes note that the next packet of a parcel begins to arrive: how many bytes it has.
  mutating func arrive(_ number: Int) -> Double {
    let bytes = min(parcels[number].arriving, Self.packetBytes)
    parcels[number].arriving -= bytes
    return bytes
  }

  mutating func pass(_ number: Int, until time: Double) { parcels[number].passed = time }

  /// Bytes of the next packet to be copied.
  func nextToTake(_ number: Int) -> Double { min(parcels[number].taking, Self.packetBytes) }

  /// Takes note that a packet has been copied, and whether it was the last of its parcel.
  mutating func take(_ number: Int, _ bytes: Double) -> Bool {
    parcels[number].taking -= bytes
    return parcels[number].taking == 0
  }

  /// Frees the number of a parcel that has arrived.
  mutating func remove(_ number: Int) {
    let node = Int(parcels[number].node)
    parcels[number].next = lines[node].free
    lines[node].free = Int32(number)
  }

  private mutating func line(up flow: Int32, _ node: Int) {
    flows[Int(flow)].behind = Self.none
    if lines[node].tail == Self.none {
      lines[node].head = flow
    } else {
      flows[Int(lines[node].tail)].behind = flow
    }
    lines[node].tail = flow
  }
}
