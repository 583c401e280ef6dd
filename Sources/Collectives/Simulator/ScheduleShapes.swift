/// Puts a ``ScheduleStore`` together, rank by rank.
struct ScheduleShapes: ~Copyable {
  typealias Step = ScheduleStore.Step

  let size: Int
  let symmetry: RankSymmetry
  var places = FlatArray<ScheduleStore.Place>()
  var steps = FlatArray<Step>()
  var lengths = FlatArray<Int32>()
  var dependencies = FlatArray<Int32>()
  var dependents = FlatArray<Int32>()
  var channels = FlatArray<ScheduleStore.Channel>()
  var messages = FlatArray<Int32>()
  private(set) var shapeCount = 0

  /// The places that first had a shape, and lengths, by hash.
  private var shapesByHash: [Int: [Int]] = [:]
  private var lengthsByHash: [Int: [Int]] = [:]

  init(size: Int, symmetry: RankSymmetry) {
    self.size = size
    self.symmetry = symmetry
    places.reserveCapacity(size)
  }

  /// Adds the schedule of the next rank.
  mutating func append(_ schedule: Schedule) {
    precondition(schedule.rank == places.count && schedule.size == size)
    var place = shape(of: schedule)
    place.window = Int32(schedule.window)
    place.lengths = lengths(of: schedule)
    places.append(place)
  }

  private mutating func lengths(of schedule: Schedule) -> Int {
    let actions = schedule.actions
    // Ranks that follow each other are often alike.
    let last = places.count - 1
    if last >= 0, haveLengths(actions, places[last]) { return places[last].lengths }
    var hasher = Hasher()
    for action in actions { hasher.combine(action.length) }
    let hash = hasher.finalize()
    for known in lengthsByHash[hash, default: []] where haveLengths(actions, places[known]) {
      return places[known].lengths
    }
    lengthsByHash[hash, default: []].append(places.count)
    // All at once when ranks seem to differ: an array that doubles would hold twice the memory for a moment.
    if places.count == 1 { lengths.reserveCapacity(actions.count * size) }
    for action in actions { lengths.append(action.length) }
    return lengths.count - actions.count
  }

  private func haveLengths(_ actions: [Action], _ place: ScheduleStore.Place) -> Bool {
    guard place.count == actions.count else { return false }
    for (index, action) in actions.enumerated() where lengths[place.lengths + index] != action.length {
      return false
    }
    return true
  }

  private mutating func shape(of schedule: Schedule) -> ScheduleStore.Place {
    let last = places.count - 1
    if last >= 0, hasShape(schedule, places[last]) { return places[last] }
    var hasher = Hasher()
    for action in schedule.actions { hasher.combine(basePeer(action, schedule.rank)) }
    let hash = hasher.finalize()
    for known in shapesByHash[hash, default: []] where hasShape(schedule, places[known]) {
      return places[known]
    }
    shapesByHash[hash, default: []].append(places.count)
    shapeCount += 1
    return appendShape(of: schedule)
  }

  private func hasShape(_ schedule: Schedule, _ place: ScheduleStore.Place) -> Bool {
    guard place.count == schedule.actions.count else { return false }
    for (index, action) in schedule.actions.enumerated() {
      let step = steps[Int(place.steps) + index]
      guard step.kind == action.kind else { return false }
      if action.kind != .combine {
        guard channels[Int(place.channels + step.channel)].peer == basePeer(action, schedule.rank) else {
          return false
        }
      }
      let list = schedule.dependencies(of: index)
      guard list.count == Int(step.lastDependency - step.firstDependency) else { return false }
      for (entry, dependency) in zip(Int(step.firstDependency)..., list)
      where dependencies[entry] != dependency {
        return false
      }
    }
    return true
  }

  private func basePeer(_ action: Action, _ rank: Int) -> Int32 {
    switch action {
    case .send(_, let peer), .receive(_, let peer):
      Int32(symmetry.basePeer(Int(peer), of: rank, size: size))
    case .combine: -1
    }
  }

  private mutating func appendShape(of schedule: Schedule) -> ScheduleStore.Place {
    precondition(steps.count + schedule.actions.count < Int32.max)
    precondition(dependencies.count + schedule.dependencyList.count < Int32.max)
    let place = ScheduleStore.Place(
      steps: Int32(steps.count), count: Int32(schedule.actions.count), lengths: 0,
      channels: Int32(channels.count), channelCount: 0, window: 0)
    var sends: [Int32: [Int32]] = [:]
    var receives: [Int32: [Int32]] = [:]
    let reversed = Dependents(schedule)
    for (index, action) in schedule.actions.enumerated() {
      let peer = basePeer(action, schedule.rank)
      var step = Step(kind: action.kind)
      switch action {
      case .send:
        step.number = Int32(sends[peer]?.count ?? 0)
        sends[peer, default: []].append(Int32(index))
      case .receive:
        step.number = Int32(receives[peer]?.count ?? 0)
        receives[peer, default: []].append(Int32(index))
      case .combine: break
      }
      step.firstDependency = Int32(dependencies.count)
      dependencies.append(contentsOf: schedule.dependencies(of: index))
      step.lastDependency = Int32(dependencies.count)
      step.firstDependent = Int32(dependents.count)
      dependents.append(contentsOf: reversed.list[reversed.places(of: index)])
      step.lastDependent = Int32(dependents.count)
      steps.append(step)
    }
    let peers = Set(sends.keys).union(receives.keys).sorted()
    let order = Dictionary(uniqueKeysWithValues: zip(peers, Int32(0)...))
    for (index, action) in schedule.actions.enumerated() where action.kind != .combine {
      steps[Int(place.steps) + index].channel = order[basePeer(action, schedule.rank), default: 0]
    }
    for peer in peers {
      let start = messages.count
      messages.append(contentsOf: sends[peer] ?? [])
      let middle = messages.count
      messages.append(contentsOf: receives[peer] ?? [])
      channels.append(.init(peer: peer, sends: Int32(start), receives: Int32(middle)))
    }
    var result = place
    result.channelCount = Int32(peers.count)
    return result
  }

  /// The first channel of each rank among all ranks' channels; where ranks are symmetric, all have those of rank 0.
  func firstFlows(isSymmetric: Bool) -> FlatArray<Int32> {
    var first = FlatArray<Int32>()
    first.reserveCapacity(size + 1)
    first.append(0)
    for rank in 0..<size {
      let count = Int(first[rank]) + Int(places[isSymmetric ? 0 : rank].channelCount)
      precondition(count < Int32.max)
      first.append(Int32(count))
    }
    return first
  }

  /// For the channels of all ranks, or of rank 0 where all have one shape, the peer's channel.
  func opposites(isSymmetric: Bool) -> FlatArray<Int32> {
    var opposites = FlatArray<Int32>()
    for rank in 0..<(shapeCount == 1 ? 1 : size) {
      for channel in Int(places[rank].channels)..<Int(places[rank].channels + places[rank].channelCount) {
        let peer = symmetry.peer(Int(channels[channel].peer), of: rank, size: size)
        opposites.append(Int32(self.channel(of: places[isSymmetric ? 0 : peer], peer, with: rank)))
      }
    }
    return opposites
  }

  /// The channel of `rank`, which has that place, with `peer`.
  private func channel(of place: ScheduleStore.Place, _ rank: Int, with peer: Int) -> Int {
    let wanted = symmetry.basePeer(peer, of: rank, size: size)
    var low = Int(place.channels)
    var high = low + Int(place.channelCount) - 1
    while low < high {
      let middle = (low + high) / 2
      if channels[middle].peer < wanted { low = middle + 1 } else { high = middle }
    }
    return low
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
