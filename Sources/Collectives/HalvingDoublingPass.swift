/// Writes halving-doubling's schedule for one rank.
struct HalvingDoublingPass {
  private let lanes: Partition
  private let size: Int
  private let count: Int
  private let inFlight: Int
  private let rounds: [Halving.Round]
  /// The chunk that the rank owns.
  private let own: Int
  private var builder: ScheduleBuilder

  /// Elements of workspace for a chunk. What round i receives lies behind what the rounds before it do, so that
  /// all receives of a lane can be posted at once.
  private let slotLength: Int
  private let slotsPerLane: Int
  /// For each lane in flight, round and part of a run, the addition that read its workspace last.
  private var slotReaders: [[[Int32]]]
  private var progress: [LaneProgress]

  /// What later steps of a lane wait for.
  private struct LaneProgress {
    /// The chunks that were added to, and the additions, for each of the two parts of the runs of chunks. Each
    /// adds to no chunks but those of the one before it.
    var sums: [[(chunks: Range<Int>, sum: Int32)]] = [[], []]
    /// The reduce-scatter's sends, by round and part. The allgather overwrites what they sent.
    var sends: [[Int32]]
    /// The chunks that the allgather received, and the receives.
    var arrivals: [(chunks: Range<Int>, receive: Int32)] = []
  }

  init(lanes: Partition, size: Int, rank: Int, count: Int, inFlight: Int) {
    self.lanes = lanes
    self.size = size
    self.count = count
    self.inFlight = min(inFlight, lanes.parts)
    let halving = Halving(size: size)
    rounds = halving.rounds(ofRank: rank)
    own = halving.chunk(ofRank: rank)
    slotLength = Partition(lanes[0], into: size).longest.roundedUpToCacheLine
    slotsPerLane = rounds.reduce(0) { $0 + $1.kept.reduce(0) { $0 + $1.count } }
    let nothing = [ScheduleBuilder.nothing, ScheduleBuilder.nothing]
    slotReaders = Array(
      repeating: Array(repeating: nothing, count: rounds.count), count: self.inFlight)
    progress = Array(
      repeating: LaneProgress(sends: Array(repeating: nothing, count: rounds.count)),
      count: self.inFlight)
    builder = ScheduleBuilder(size: size, rank: rank, count: count)
  }

  mutating func schedule() -> Schedule {
    let steps = 2 * rounds.count
    for (lane, step) in LaneWave(
      lanes: count == 0 ? 0 : lanes.filledParts, steps: steps, inFlight: inFlight)
    {
      if step < rounds.count {
        reduceScatter(lane, step)
      } else {
        allgather(lane, steps - 1 - step)
      }
    }
    // At most two parts of a run, and five actions for each part in its two rounds.
    return builder.finish(
      workspaceCount: count == 0 ? 0 : inFlight * slotsPerLane * slotLength,
      window: ScheduleBuilder.window(inFlight * 10 * rounds.count))
  }

  private mutating func reduceScatter(_ lane: Int, _ index: Int) {
    let round = rounds[index]
    let chunks = Partition(lanes[lane], into: size)
    let place = lane % inFlight
    if index == 0 {
      progress[place].sums = [[], []]
      progress[place].arrivals.removeAll(keepingCapacity: true)
    }
    var receives = [ScheduleBuilder.nothing, ScheduleBuilder.nothing]
    for part in 0..<2 where !chunks[round.kept[part]].isEmpty {
      let start = slot(place, index, part)
      receives[part] = builder.receive(
        start..<start + chunks[round.kept[part]].count, from: round.from,
        after: slotReaders[place][index][part])
    }
    for part in 0..<2 where !chunks[round.sent[part]].isEmpty {
      progress[place].sends[index][part] = builder.send(
        chunks[round.sent[part]], to: round.to, after: lastSum(place, part, round.sent[part]))
    }
    for part in 0..<2 where !chunks[round.kept[part]].isEmpty {
      let sum = builder.combine(
        slot(place, index, part), on: round.side, into: chunks[round.kept[part]], after: receives[part],
        lastSum(place, part, round.kept[part]))
      progress[place].sums[part].append((round.kept[part], sum))
      slotReaders[place][index][part] = sum
    }
  }

  private mutating func allgather(_ lane: Int, _ index: Int) {
    let round = rounds[index]
    let chunks = Partition(lanes[lane], into: size)
    let place = lane % inFlight
    var arrivals: [(chunks: Range<Int>, receive: Int32)] = []
    for part in 0..<2 where !chunks[round.sent[part]].isEmpty {
      let receive = builder.receive(
        chunks[round.sent[part]], from: round.to, after: progress[place].sends[index][part])
      arrivals.append((round.sent[part], receive))
    }
    for part in 0..<2 where !chunks[round.kept[part]].isEmpty {
      var completions = progress[place].arrivals.filter { $0.chunks.overlaps(round.kept[part]) }.map(
        \.receive)
      if round.kept[part].contains(own), !chunks[own].isEmpty {
        completions.append(lastSum(place, part, own..<own + 1))
      }
      _ = builder.send(chunks[round.kept[part]], to: round.from, after: completions)
    }
    progress[place].arrivals += arrivals
  }

  /// The latest addition to any of the chunks, which comes after the earlier ones.
  private func lastSum(_ place: Int, _ part: Int, _ chunks: Range<Int>) -> Int32 {
    progress[place].sums[part].last { $0.chunks.overlaps(chunks) }?.sum ?? ScheduleBuilder.nothing
  }

  /// Where workspace for the sums that a round receives begins.
  private func slot(_ place: Int, _ index: Int, _ part: Int) -> Int {
    var chunks = place * slotsPerLane
    for round in rounds[..<index] { chunks += round.kept[0].count + round.kept[1].count }
    if part == 1 { chunks += rounds[index].kept[0].count }
    return count + chunks * slotLength
  }
}
