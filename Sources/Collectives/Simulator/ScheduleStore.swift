/// The schedules of thousands of ranks, in the memory of few.
///
/// Ranks of a collective do much the same: round a ring all of them have the same actions with the same
/// dependencies, and the same peers when those are counted from the rank itself. Only lengths differ, when
/// the buffer does not divide evenly. So a schedule is kept as a *shape* (kinds, relative peers,
/// dependencies) and its *lengths*, each only once for all ranks that share it. Where a block lies takes no
/// part in how long anything takes, and is dropped.
///
/// All shapes lie behind one another in flat arrays, and so do all lengths.
struct ScheduleStore {
  enum Kind: UInt8 { case send, receive, combine }

  /// Where the schedule of a rank is.
  struct Place {
    let shape: Int32
    let window: Int32
    /// Its first length in `lengths`.
    let lengths: Int
  }

  /// Where a shape is in the flat arrays.
  struct Shape {
    /// Number of actions.
    let count: Int
    /// Its first entry in `kinds`, `channelNumbers`, `numbers`, `dependencyEnds`, `dependentEnds`.
    let actions: Int
    /// Its first entry in `dependencies` and `dependents`, which have as many.
    let dependencies: Int
    /// Its entries in `channels`.
    let channels: Range<Int>
  }

  /// All messages of a shape with one peer, both ways.
  struct Channel {
    /// The peer less the rank itself, modulo size.
    let peer: Int32
    /// The first entries in `messages` of those sent and those received; the k-th of each is k further on.
    let sends: Int32
    let receives: Int32
  }

  private(set) var places: [Place] = []
  private(set) var shapes: [Shape] = []
  private(set) var lengths: [Int32] = []
  private(set) var kinds: [Kind] = []
  /// Which of the shape's channels a transfer is on; 0 for additions.
  private(set) var channelNumbers: [Int32] = []
  /// Which message of its channel and direction a transfer is.
  private(set) var numbers: [Int32] = []
  /// Within the shape: the dependencies of action a end at entry a.
  private(set) var dependencyEnds: [Int32] = []
  private(set) var dependencies: [Int32] = []
  private(set) var dependentEnds: [Int32] = []
  private(set) var dependents: [Int32] = []
  private(set) var channels: [Channel] = []
  /// Actions that are transfers, by shape, channel, direction and order.
  private(set) var messages: [Int32] = []

  let size: Int
  private var shapesByHash: [Int: [Int]] = [:]
  private var lengthsByHash: [Int: [(start: Int, count: Int)]] = [:]

  init(size: Int) {
    self.size = size
    places.reserveCapacity(size)
  }

  /// The other end of a send of `rank`: who receives it, and by which action.
  func receiver(ofSend action: Int, rank: Int) -> (peer: Int, action: Int) {
    let (peer, number) = other(action, rank)
    let channel = channels[self.channel(of: peer, with: rank)]
    return (peer, Int(messages[Int(channel.receives) + number]))
  }

  /// As above, for a receive: who sends it.
  func sender(ofReceive action: Int, rank: Int) -> (peer: Int, action: Int) {
    let (peer, number) = other(action, rank)
    let channel = channels[self.channel(of: peer, with: rank)]
    return (peer, Int(messages[Int(channel.sends) + number]))
  }

  /// Number of channels of a rank.
  func channelCount(of rank: Int) -> Int { shapes[Int(places[rank].shape)].channels.count }

  /// Which of the channels of `rank` a transfer of it is on.
  func channelNumber(ofTransfer action: Int, rank: Int) -> Int {
    Int(channelNumbers[shapes[Int(places[rank].shape)].actions + action])
  }

  private func other(_ action: Int, _ rank: Int) -> (peer: Int, number: Int) {
    let shape = shapes[Int(places[rank].shape)]
    let entry = shape.actions + action
    let channel = channels[shape.channels.lowerBound + Int(channelNumbers[entry])]
    return (absolute(channel.peer, rank), Int(numbers[entry]))
  }

  private func absolute(_ peer: Int32, _ rank: Int) -> Int {
    let sum = rank + Int(peer)
    return sum < size ? sum : sum - size
  }

  private func relative(_ peer: Int32, _ rank: Int) -> Int32 {
    let difference = Int(peer) - rank
    return Int32(difference < 0 ? difference + size : difference)
  }

  private func channel(of rank: Int, with peer: Int) -> Int {
    let wanted = relative(Int32(peer), rank)
    let range = shapes[Int(places[rank].shape)].channels
    var low = range.lowerBound
    var high = range.upperBound - 1
    while low < high {
      let middle = (low + high) / 2
      if channels[middle].peer < wanted { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Adds the schedule of the next rank.
  mutating func append(_ schedule: Schedule) {
    precondition(schedule.rank == places.count && schedule.size == size)
    precondition(schedule.actions.count < Int32.max)
    let shape = shape(of: schedule)
    places.append(
      Place(shape: Int32(shape), window: Int32(schedule.window), lengths: lengths(of: schedule)))
  }

  private mutating func lengths(of schedule: Schedule) -> Int {
    let actions = schedule.actions
    func areLengths(_ start: Int, _ count: Int) -> Bool {
      count == actions.count && zip(actions, start...).allSatisfy { lengths[$1] == $0.length }
    }
    if let last = places.last, areLengths(last.lengths, shapes[Int(last.shape)].count) { return last.lengths }
    var hasher = Hasher()
    for action in actions { hasher.combine(action.length) }
    let hash = hasher.finalize()
    if let known = lengthsByHash[hash, default: []].first(where: areLengths) { return known.start }
    let start = lengths.count
    // All at once when ranks seem to differ: an array that doubles would hold twice the memory for a moment.
    if places.count == 1 { lengths.reserveCapacity(actions.count * size) }
    for action in actions { lengths.append(action.length) }
    lengthsByHash[hash, default: []].append((start, actions.count))
    return start
  }

  private mutating func shape(of schedule: Schedule) -> Int {
    if let last = places.last, hasShape(schedule, Int(last.shape)) { return Int(last.shape) }
    var hasher = Hasher()
    for action in schedule.actions { hasher.combine(relativePeer(action, schedule.rank)) }
    let hash = hasher.finalize()
    if let known = shapesByHash[hash, default: []].first(where: { hasShape(schedule, $0) }) { return known }
    shapesByHash[hash, default: []].append(shapes.count)
    appendShape(of: schedule)
    return shapes.count - 1
  }

  private func hasShape(_ schedule: Schedule, _ index: Int) -> Bool {
    let shape = shapes[index]
    guard shape.count == schedule.actions.count else { return false }
    for (action, entry) in zip(schedule.actions, shape.actions...) {
      guard kinds[entry] == action.kind else { return false }
      if action.kind != .combine {
        let peer = channels[shape.channels.lowerBound + Int(channelNumbers[entry])].peer
        guard peer == relativePeer(action, schedule.rank) else { return false }
      }
    }
    let list = schedule.dependencyList
    return dependencyEnds[shape.actions..<shape.actions + shape.count].elementsEqual(schedule.dependencyEnds)
      && dependencies[shape.dependencies..<shape.dependencies + list.count].elementsEqual(list)
  }

  private func relativePeer(_ action: Action, _ rank: Int) -> Int32 {
    switch action {
    case .send(_, let peer), .receive(_, let peer): relative(peer, rank)
    case .combine: 0
    }
  }

  private mutating func appendShape(of schedule: Schedule) {
    let actions = schedule.actions
    let first = kinds.count
    let firstDependency = dependencies.count
    let firstChannel = channels.count
    dependencyEnds += schedule.dependencyEnds
    dependencies += schedule.dependencyList
    let reversed = Dependents(schedule)
    dependentEnds += reversed.ends
    dependents += reversed.list

    var sends: [Int32: [Int32]] = [:]
    var receives: [Int32: [Int32]] = [:]
    for (index, action) in actions.enumerated() {
      let peer = relativePeer(action, schedule.rank)
      kinds.append(action.kind)
      switch action {
      case .send:
        numbers.append(Int32(sends[peer]?.count ?? 0))
        sends[peer, default: []].append(Int32(index))
      case .receive:
        numbers.append(Int32(receives[peer]?.count ?? 0))
        receives[peer, default: []].append(Int32(index))
      case .combine: numbers.append(0)
      }
    }
    let peers = Set(sends.keys).union(receives.keys).sorted()
    let order = Dictionary(uniqueKeysWithValues: zip(peers, Int32(0)...))
    for action in actions {
      let isTransfer = action.kind != .combine
      channelNumbers.append(isTransfer ? order[relativePeer(action, schedule.rank), default: 0] : 0)
    }
    for peer in peers {
      let start = messages.count
      messages += sends[peer] ?? []
      let middle = messages.count
      messages += receives[peer] ?? []
      channels.append(Channel(peer: peer, sends: Int32(start), receives: Int32(middle)))
    }
    shapes.append(
      Shape(
        count: actions.count, actions: first, dependencies: firstDependency,
        channels: firstChannel..<channels.count))
  }
}

/// The dependencies of a schedule the other way round: which actions wait for action a, those with numbers
/// `ends[a - 1] ..< ends[a]` in `list`, in ascending order from the back.
private struct Dependents {
  private(set) var ends: [Int32]
  private(set) var list: [Int32]

  init(_ schedule: Schedule) {
    let count = schedule.actions.count
    ends = Array(repeating: 0, count: count)
    for dependency in schedule.dependencyList { ends[Int(dependency)] += 1 }
    for action in ends.indices.dropFirst() { ends[action] += ends[action - 1] }
    var places = ends
    list = Array(repeating: 0, count: schedule.dependencyList.count)
    for action in 0..<count {
      for dependency in schedule.dependencies(of: action) {
        places[Int(dependency)] -= 1
        list[Int(places[Int(dependency)])] = Int32(action)
      }
    }
  }
}

extension Action {
  fileprivate var length: Int32 {
    switch self {
    case .send(let block, _), .receive(let block, _), .combine(_, _, let block): block.count32
    }
  }

  fileprivate var kind: ScheduleStore.Kind {
    switch self {
    case .send: .send
    case .receive: .receive
    case .combine: .combine
    }
  }
}
