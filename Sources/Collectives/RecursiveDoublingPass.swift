/// Writes recursive doubling's schedule for one rank.
struct RecursiveDoublingPass {
  private let groups: RankGroups
  private let lanes: Partition
  private let rank: Int
  /// Among the active ranks; nil for a passive one.
  private let number: Int?
  private let count: Int
  private let inFlight: Int
  private var builder: ScheduleBuilder

  /// Slots of workspace for one round of a lane, and sets of them: with two a round's receives are posted while
  /// the round before it is still added.
  private let slotsPerSet: Int
  private let sets: Int
  private let slotLength: Int
  /// The addition that last read or wrote each slot.
  private var slotUsers: [Int32]
  /// For each lane in flight the action that completed its elements so far: an addition, or a passive rank's
  /// send.
  private var completed: [Int32]

  init(groups: RankGroups, lanes: Partition, rank: Int, count: Int, inFlight: Int) {
    self.groups = groups
    self.lanes = lanes
    self.rank = rank
    self.count = count
    self.inFlight = min(inFlight, lanes.parts)
    number = groups.number(of: rank)
    let sums = number == nil ? 0 : groups.radices.count + (groups.isPaired(rank) ? 1 : 0)
    slotsPerSet = max(1, (groups.radices.max() ?? 1) - 1)
    sets = min(2, sums)
    slotLength = lanes.longest.roundedUpToCacheLine
    slotUsers = Array(repeating: ScheduleBuilder.nothing, count: self.inFlight * sets * slotsPerSet)
    completed = Array(repeating: ScheduleBuilder.nothing, count: self.inFlight)
    builder = ScheduleBuilder(size: groups.size, rank: rank, count: count)
  }

  mutating func schedule() -> Schedule {
    let folds = groups.surplus > 0 ? 1 : 0
    let rounds = groups.radices.count
    for (lane, step) in LaneWave(
      lanes: count == 0 ? 0 : lanes.filledParts, steps: rounds + 2 * folds, inFlight: inFlight)
    {
      if step == 0 { completed[lane % inFlight] = ScheduleBuilder.nothing }
      if step < folds {
        fold(lane)
      } else if step < folds + rounds {
        exchange(lane, round: step - folds)
      } else {
        unfold(lane)
      }
    }
    let actionsPerLane = 3 * (folds + groups.radices.reduce(0) { $0 + $1 - 1 })
    return builder.finish(
      workspaceCount: count == 0 ? 0 : slotUsers.count * slotLength,
      window: ScheduleBuilder.window(inFlight * actionsPerLane))
  }

  private mutating func fold(_ lane: Int) {
    guard groups.isPaired(rank) else { return }
    let place = lane % inFlight
    let elements = lanes[lane]
    guard number != nil else {
      completed[place] = builder.send(elements, to: rank - 1, after: ScheduleBuilder.nothing)
      return
    }
    let slot = slot(0, lane, set: 0)
    let receive = builder.receive(
      workspace(slot, elements.count), from: rank + 1, after: slotUsers[slot])
    completed[place] = builder.combine(
      workspace(slot, 0).lowerBound, on: .right, into: elements, after: receive)
    slotUsers[slot] = completed[place]
  }

  private mutating func unfold(_ lane: Int) {
    guard groups.isPaired(rank) else { return }
    let last = completed[lane % inFlight]
    if number == nil {
      _ = builder.receive(lanes[lane], from: rank - 1, after: last)
    } else {
      _ = builder.send(lanes[lane], to: rank + 1, after: last)
    }
  }

  private mutating func exchange(_ lane: Int, round: Int) {
    guard let number else { return }
    let place = lane % inFlight
    let elements = lanes[lane]
    let group = groups.group(of: number, round: round)
    let mine = group.firstIndex(of: rank) ?? 0
    let set = (round + (groups.isPaired(rank) ? 1 : 0)) % sets

    // A slot for each of the others, in their order. Each rank begins with another one.
    let slots = (0..<group.count - 1).map { slot($0, lane, set: set) }
    var received = slots.map { _ in ScheduleBuilder.nothing }
    for step in 1..<group.count {
      let other = (mine + group.count - step) % group.count
      let place = other < mine ? other : other - 1
      received[place] = builder.receive(
        workspace(slots[place], elements.count), from: group[other], after: slotUsers[slots[place]])
    }
    // The elements must not change before they are sent.
    var before: [Int32] = []
    for step in 1..<group.count {
      before.append(
        builder.send(elements, to: group[(mine + step) % group.count], after: completed[place]))
    }

    // What stands before this rank in the group is summed up in the first slot.
    for other in 0..<mine where other > 0 {
      received[0] = builder.combine(
        workspace(slots[other], 0).lowerBound, on: .right, into: workspace(slots[0], elements.count),
        after: received[0], received[other])
      slotUsers[slots[other]] = received[0]
    }
    for operand in slots.indices where operand == 0 || operand >= mine {
      let sum = builder.combine(
        workspace(slots[operand], 0).lowerBound, on: operand < mine ? .left : .right, into: elements,
        after: [received[operand]] + before)
      slotUsers[slots[operand]] = sum
      before = [sum]
    }
    completed[place] = before[0]
  }

  private func slot(_ index: Int, _ lane: Int, set: Int) -> Int {
    (lane % inFlight * sets + set) * slotsPerSet + index
  }

  private func workspace(_ slot: Int, _ length: Int) -> Range<Int> {
    let start = count + slot * slotLength
    return start..<start + length
  }
}
