/// Writes the schedule of a ring for one rank: a reduce-scatter, an allgather, or one after the other.
struct RingPass {
  private let phases: Phases
  private let lanes: ChunkLanes
  private let size: Int
  private let rank: Int
  private let count: Int
  private let inFlight: Int
  private let slots: Int
  private var builder: ScheduleBuilder

  /// Actions in hand for each lane in flight. Six would do on ranks that run evenly: two steps of three. With
  /// more, a rank has announced its next sends and receives when its neighbour loses its core for a while,
  /// and finds the transfers done when it comes back; that is worth 10 to 20 % on a busy machine.
  private static let windowPerLane = 48

  private var progress: [LaneProgress]
  /// The addition that last read each workspace slot.
  private var slotReaders: [Int32]

  /// What later steps of a lane wait for.
  private struct LaneProgress {
    /// The action that completed the segment to send next: an addition, in the allgather a receive.
    var completed = ScheduleBuilder.nothing
    /// The reduce-scatter's sends, by step. The allgather overwrites what they sent.
    var sends: [Int32]
  }

  init(_ phases: Phases, lanes: ChunkLanes, size: Int, rank: Int, count: Int, inFlight: Int) {
    self.phases = phases
    self.lanes = lanes
    self.size = size
    self.rank = rank
    self.count = count
    self.inFlight = min(inFlight, lanes.count)
    slots = phases.reduces ? 2 * self.inFlight : 0
    builder = ScheduleBuilder(
      size: size, rank: rank, count: count, capacity: count == 0 ? 0 : 5 * (size - 1) * lanes.count)
    progress = Array(
      repeating: LaneProgress(sends: Array(repeating: ScheduleBuilder.nothing, count: size - 1)),
      count: self.inFlight)
    slotReaders = Array(repeating: ScheduleBuilder.nothing, count: slots)
  }

  mutating func schedule() -> Schedule {
    let reduceSteps = phases.reduces ? size - 1 : 0
    let steps = reduceSteps + (phases.gathers ? size - 1 : 0)
    for (lane, step) in LaneWave(lanes: count == 0 ? 0 : lanes.count, steps: steps, inFlight: inFlight) {
      if step == 0 { progress[lane % inFlight].completed = ScheduleBuilder.nothing }
      if step < reduceSteps {
        reduceScatter(lane, step)
      } else {
        allgather(lane, step - reduceSteps)
      }
    }
    return builder.finish(
      workspaceCount: steps == 0 || count == 0 ? 0 : slots * lanes.slotLength,
      window: Self.windowPerLane * inFlight)
  }

  private mutating func reduceScatter(_ lane: Int, _ step: Int) {
    let place = lane % inFlight
    let outgoing = segment(first - step, lane)
    if !outgoing.isEmpty {
      progress[place].sends[step] = builder.send(outgoing, to: next, after: progress[place].completed)
    }
    let incoming = segment(first - step - 1, lane)
    progress[place].completed = ScheduleBuilder.nothing
    if !incoming.isEmpty {
      let slot = 2 * place + step % 2
      let workspace = count + slot * lanes.slotLength
      let receive = builder.receive(
        workspace..<workspace + incoming.count, from: previous, after: slotReaders[slot])
      let combine = builder.combine(workspace, on: .left, into: incoming, after: receive)
      slotReaders[slot] = combine
      progress[place].completed = combine
    }
  }

  private mutating func allgather(_ lane: Int, _ step: Int) {
    let place = lane % inFlight
    let outgoing = segment(first + 1 - step, lane)
    if !outgoing.isEmpty {
      _ = builder.send(outgoing, to: next, after: progress[place].completed)
    }
    let incoming = segment(first - step, lane)
    progress[place].completed = ScheduleBuilder.nothing
    if !incoming.isEmpty {
      progress[place].completed = builder.receive(
        incoming, from: previous, after: progress[place].sends[step])
    }
  }

  /// The chunk that the rank sends first in the reduce-scatter; in the allgather it is the one behind it. On its own each
  /// half deals with chunk r at rank r, which is a chunk further back.
  private var first: Int { phases == .both ? rank : rank - 1 }

  private var next: Int { (rank + 1) % size }
  private var previous: Int { (rank + size - 1) % size }

  /// The segment of lane `lane` in a chunk, whose number is taken modulo size.
  private func segment(_ chunk: Int, _ lane: Int) -> Range<Int> {
    lanes.segments(ofChunk: (chunk + 2 * size) % size)[lane]
  }
}
