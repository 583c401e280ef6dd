/// Writes the schedule of a direct exchange for one rank: a reduce-scatter, an allgather, or one after the other.
struct DirectPass {
  private let phases: Phases
  private let lanes: ChunkLanes
  private let size: Int
  private let rank: Int
  private let count: Int
  private let inFlight: Int
  private var builder: ScheduleBuilder

  /// The addition that last read each workspace slot.
  private var slotReaders: [Int32]
  private var progress: [LaneProgress]

  /// What later steps of a lane wait for.
  private struct LaneProgress {
    /// The latest addition to the rank's own segment.
    var sum = ScheduleBuilder.nothing
    /// The reduce-scatter's sends, by the rank they go to, whose sum the allgather puts in their place.
    var sends: [Int32]
  }

  init(_ phases: Phases, lanes: ChunkLanes, size: Int, rank: Int, count: Int, inFlight: Int) {
    self.phases = phases
    self.lanes = lanes
    self.size = size
    self.rank = rank
    self.count = count
    self.inFlight = min(inFlight, lanes.count)
    builder = ScheduleBuilder(
      size: size, rank: rank, count: count, capacity: count == 0 ? 0 : 5 * (size - 1) * lanes.count)
    slotReaders = Array(
      repeating: ScheduleBuilder.nothing, count: phases.reduces ? self.inFlight * (size - 1) : 0)
    progress = Array(
      repeating: LaneProgress(sends: Array(repeating: ScheduleBuilder.nothing, count: size)),
      count: self.inFlight)
  }

  mutating func schedule() -> Schedule {
    let reduceSteps = phases.reduces ? size - 1 : 0
    let steps = reduceSteps + (phases.gathers ? size - 1 : 0)
    for (lane, step) in LaneWave(lanes: count == 0 ? 0 : lanes.count, steps: steps, inFlight: inFlight) {
      if step < reduceSteps {
        reduceScatter(lane, distance: step + 1)
      } else {
        allgather(lane, distance: step - reduceSteps + 1)
      }
    }
    return builder.finish(
      workspaceCount: count == 0 ? 0 : slotReaders.count * lanes.slotLength,
      window: ScheduleBuilder.window(5 * (size - 1) * inFlight))
  }

  private mutating func reduceScatter(_ lane: Int, distance: Int) {
    let place = lane % inFlight
    if distance == 1 { progress[place].sum = ScheduleBuilder.nothing }
    let own = segment(rank, lane)
    var receive = ScheduleBuilder.nothing
    let slot = place * (size - 1) + distance - 1
    let workspace = count + slot * lanes.slotLength
    if !own.isEmpty {
      receive = builder.receive(
        workspace..<workspace + own.count, from: behind(distance), after: slotReaders[slot])
    }
    let outgoing = segment(ahead(distance), lane)
    if !outgoing.isEmpty {
      progress[place].sends[ahead(distance)] = builder.send(
        outgoing, to: ahead(distance), after: ScheduleBuilder.nothing)
    }
    if !own.isEmpty {
      progress[place].sum = builder.combine(
        workspace, on: .right, into: own, after: receive, progress[place].sum)
      slotReaders[slot] = progress[place].sum
    }
  }

  private mutating func allgather(_ lane: Int, distance: Int) {
    let place = lane % inFlight
    let incoming = segment(behind(distance), lane)
    if !incoming.isEmpty {
      _ = builder.receive(
        incoming, from: behind(distance), after: progress[place].sends[behind(distance)])
    }
    let own = segment(rank, lane)
    if !own.isEmpty {
      _ = builder.send(own, to: ahead(distance), after: progress[place].sum)
    }
  }

  private func ahead(_ distance: Int) -> Int { (rank + distance) % size }
  private func behind(_ distance: Int) -> Int { (rank + size - distance) % size }

  private func segment(_ chunk: Int, _ lane: Int) -> Range<Int> { lanes.segments(ofChunk: chunk)[lane] }
}

extension DirectPass {
  /// What the exchange costs a rank. See ``Direct/cost(size:rank:count:)``.
  static func cost(_ phases: Phases, lanes: ChunkLanes, size: Int, rank: Int) -> ScheduleCost {
    var cost = ScheduleCost()
    guard size > 1 else { return cost }
    let own = lanes.chunks[rank].count
    let others = lanes.chunks.range.count - own
    let ownSegments = lanes.segments(ofChunk: rank).filledParts
    if phases.reduces {
      cost.sent += others
      cost.received += (size - 1) * own
      cost.added += (size - 1) * own
      cost.messages += lanes.messages(without: rank)
      if own > 0 { cost.rounds = 1 }
    }
    if phases.gathers {
      cost.sent += (size - 1) * own
      cost.received += others
      cost.messages += (size - 1) * ownSegments
      if others > 0 { cost.rounds = phases.reduces ? 2 : 1 }
    }
    return cost
  }

  /// A chunk's owner first, then the ranks before it.
  static func additionOrders(
    size: Int, count: Int, grain: Int? = nil
  ) -> [(range: Range<Int>, order: AdditionOrder)] {
    let chunks = Partition(0..<count, into: size, grain: grain)
    return (0..<chunks.filledParts).map { chunk in
      (chunks[chunk], .chain((0..<size).map { (chunk + size - $0) % size }))
    }
  }
}
