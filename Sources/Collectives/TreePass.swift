/// Writes the schedule of a direct exchange of partial sums for one rank: a tree-ordered reduce-scatter, or an allreduce.
struct TreePass {
  private let phases: Phases
  private let tree: ReductionTree
  /// The subtrees whose sums each rank brings.
  private let partials: [[Range<Int>]]
  /// The lanes of chunks; nil where every rank sends everything to all, in one lane, and each adds all of it.
  private let lanes: ChunkLanes?
  private let size: Int
  private let rank: Int
  private let count: Int
  private let inFlight: Int
  private var builder: ScheduleBuilder

  /// Who brings which subtree's sum, in which of its buffers.
  private let places: [Range<Int>: (rank: Int, partial: Int)]
  /// One slot for each partial sum of the others, the ranks in ascending order: the first slot of each rank.
  private let firstSlots: [Int]
  private let slotsPerLane: Int
  private let slotLength: Int
  /// The addition that last read each slot.
  private var slotReaders: [Int32]
  private var progress: [LaneProgress]

  /// What later steps of a lane wait for.
  private struct LaneProgress {
    /// The receives into the lane's slots.
    var receives: [Int32]
    /// The sends of the rank's first partial sum, by the rank they go to, whose result the allgather puts in
    /// their place.
    var sends: [Int32]
    /// Where everything is exchanged whole: the sends of each of the rank's own partial sums.
    var ownSends: [[Int32]]
    /// The addition that completed the rank's own segment.
    var result = ScheduleBuilder.nothing
  }

  /// A subtree's sum on its way up the tree.
  private struct Sum {
    /// Where it begins in memory.
    let offset: Int
    /// The workspace slot that is, if it is one.
    let slot: Int?
    /// Whether it is where the result must be in the end.
    let isInPlace: Bool
    /// The actions that completed it.
    let completed: [Int32]
    /// The sends that read it, after which it may change.
    let sends: [Int32]
  }

  init(
    _ phases: Phases, _ tree: ReductionTree, partials: [[Range<Int>]], lanes: ChunkLanes?, rank: Int,
    count: Int, inFlight: Int
  ) {
    self.phases = phases
    self.tree = tree
    self.partials = partials
    self.lanes = lanes
    self.rank = rank
    self.count = count
    size = partials.count
    self.inFlight = min(inFlight, lanes?.count ?? 1)
    let own = partials[rank].count
    var places: [Range<Int>: (rank: Int, partial: Int)] = [:]
    var firstSlots: [Int] = []
    var slots = 0
    for (other, list) in partials.enumerated() {
      for (partial, subtree) in list.enumerated() { places[subtree] = (other, partial) }
      firstSlots.append(slots)
      if other != rank { slots += list.count }
    }
    self.places = places
    self.firstSlots = firstSlots
    slotsPerLane = slots
    slotLength = lanes?.slotLength ?? count.roundedUpToCacheLine
    slotReaders = Array(repeating: ScheduleBuilder.nothing, count: self.inFlight * slotsPerLane)
    progress = Array(
      repeating: LaneProgress(
        receives: Array(repeating: ScheduleBuilder.nothing, count: slotsPerLane),
        sends: Array(repeating: ScheduleBuilder.nothing, count: size),
        ownSends: Array(repeating: [], count: own)),
      count: self.inFlight)
    builder = ScheduleBuilder(size: size, rank: rank, count: count, partials: own)
  }

  mutating func schedule() -> Schedule {
    let gatherSteps = lanes == nil || !phases.gathers ? 0 : size - 1
    let laneCount = count == 0 ? 0 : lanes?.count ?? 1
    for (lane, step) in LaneWave(lanes: laneCount, steps: size - 1 + gatherSteps, inFlight: inFlight) {
      if step < size - 1 {
        reduceScatter(lane, distance: step + 1)
        if step == size - 2 { fold(lane) }
      } else {
        allgather(lane, distance: step - size + 2)
      }
    }
    return builder.finish(
      workspaceCount: laneCount == 0 ? 0 : slotReaders.count * slotLength,
      window: ScheduleBuilder.largestWindow)
  }

  /// Exchanges partial sums: with the rank `distance` behind its chunk, or all, of the own ones.
  private mutating func reduceScatter(_ lane: Int, distance: Int) {
    let place = lane % inFlight
    let own = segment(rank, lane)
    let source = (rank + size - distance) % size
    if !own.isEmpty {
      for slot in firstSlots[source]..<firstSlots[source] + partials[source].count {
        let workspace = workspace(slot, place)
        progress[place].receives[slot] = builder.receive(
          workspace..<workspace + own.count, from: source, after: slotReaders[place * slotsPerLane + slot])
      }
    }
    let target = (rank + distance) % size
    let outgoing = segment(target, lane)
    guard !outgoing.isEmpty else { return }
    for partial in partials[rank].indices {
      let send = builder.send(
        outgoing.shifted(by: partial * count), to: target, after: ScheduleBuilder.nothing)
      if lanes == nil { progress[place].ownSends[partial].append(send) }
      if partial == 0 { progress[place].sends[target] = send }
    }
  }

  /// Adds all partial sums of the rank's own segment.
  private mutating func fold(_ lane: Int) {
    guard !segment(rank, lane).isEmpty else { return }
    let result = sum(of: 0..<tree.leaves, lane)
    precondition(result.isInPlace, "a rank has a partial sum of its own")
    progress[lane % inFlight].result = result.completed[0]
  }

  /// The sum over a subtree: a partial sum, or that of its two subtrees.
  private mutating func sum(of subtree: Range<Int>, _ lane: Int) -> Sum {
    if let partial = partial(subtree, lane) { return partial }
    let children = tree.children(of: subtree)
    let left = sum(of: children.left, lane)
    let right = sum(of: children.right, lane)
    let (operand, target) = right.isInPlace ? (left, right) : (right, left)
    let length = segment(rank, lane).count
    let sum = builder.combine(
      operand.offset, on: right.isInPlace ? .left : .right, into: target.offset..<target.offset + length,
      after: left.completed + right.completed + target.sends)
    if let slot = operand.slot { slotReaders[lane % inFlight * slotsPerLane + slot] = sum }
    return Sum(
      offset: target.offset, slot: target.slot, isInPlace: target.isInPlace, completed: [sum], sends: [])
  }

  /// The sum over a subtree, if a rank brings it.
  private func partial(_ subtree: Range<Int>, _ lane: Int) -> Sum? {
    guard let (owner, index) = places[subtree] else { return nil }
    let place = lane % inFlight
    if owner == rank {
      return Sum(
        offset: index * count + segment(rank, lane).lowerBound, slot: nil, isInPlace: index == 0,
        completed: [], sends: progress[place].ownSends[index])
    }
    let slot = firstSlots[owner] + index
    return Sum(
      offset: workspace(slot, place), slot: slot, isInPlace: false,
      completed: [progress[place].receives[slot]], sends: [])
  }

  private mutating func allgather(_ lane: Int, distance: Int) {
    let place = lane % inFlight
    let source = (rank + size - distance) % size
    let incoming = segment(source, lane)
    if !incoming.isEmpty {
      _ = builder.receive(incoming, from: source, after: progress[place].sends[source])
    }
    let own = segment(rank, lane)
    if !own.isEmpty {
      _ = builder.send(own, to: (rank + distance) % size, after: progress[place].result)
    }
  }

  /// What a rank adds up in a lane.
  private func segment(_ rank: Int, _ lane: Int) -> Range<Int> {
    lanes?.segments(ofChunk: rank)[lane] ?? 0..<count
  }

  private func workspace(_ slot: Int, _ place: Int) -> Int {
    partials[rank].count * count + (place * slotsPerLane + slot) * slotLength
  }
}
