/// Linear: all ranks send to one, which adds and sends the sum to all.
///
/// **Words.** The *root* is rank 0. The buffer is cut into *lanes*, which follow each other as in a pipeline; a buffer up to
/// `segmentLength` is one lane.
///
/// **Steps of a lane.** Every rank but the root sends its elements to the root. The root adds them to its own in the order
/// ((0 + 1) + 2) + ..., each as soon as it and those before it are there, and sends the sum to the others, rank 1 first.
///
/// **Cost.** Two rounds and 2 (size - 1) messages in all, the fewest that an allreduce can do with: every rank but one has to be
/// heard, and has to hear. But the root sends, receives and adds (size - 1) times the buffer, while the others send and receive it
/// once and add nothing. The sum is computed once and copied: all ranks hold the same bits.
///
/// **Pipeline.** Up to `lanesInFlight` lanes are under way. The root has a lane of workspace for every other rank and lane in
/// flight; where that would be more than `workspaceLength` in all, fewer are in flight, and lanes are shorter.
///
/// **When it wins.** Small buffers of few ranks, where a message costs more than its way: where ranks share cores, as hosts that are
/// parts of one machine do, the messages of all ranks add up, and other algorithms have more of them (recursive doubling, which takes no
/// more rounds with up to four ranks, size log2(size)). Where every rank has a core, only the root's messages count: it wins as long
/// as the root handles 2 (size - 1) messages in less time than the rounds of other algorithms take.
///
/// Source: Open MPI's `coll_base_allreduce`, basic linear; the reduction and the broadcast of it are the linear ones of Chan, Heimlich,
/// Purkayastha and van de Geijn (2007), as for ``Direct``.
public struct Linear: ScheduledAllreduce {
  public let name = Algorithm.linear.rawValue
  /// Elements of a lane, at most (a grain more where the buffer does not divide evenly).
  public let segmentLength: Int
  /// Lanes that are under way at a time, at most.
  public let lanesInFlight: Int
  /// Elements of workspace that shorten the lanes; a cache line for each message under way is the least.
  public let workspaceLength: Int

  /// Elements of a lane that are worth a message: rather fewer lanes are in flight.
  private static let shortLength = 1_024

  public init(segmentLength: Int, lanesInFlight: Int, workspaceLength: Int = .max) {
    precondition(segmentLength > 0 && lanesInFlight > 0 && workspaceLength > 0)
    self.segmentLength = segmentLength
    self.lanesInFlight = lanesInFlight
    self.workspaceLength = workspaceLength
  }

  /// With lanes of 512 KiB, two in flight, 16 MiB of workspace; or with other ``Segments``.
  ///
  /// - Parameter wireBytes: bytes of an element on the wire, when they are fewer.
  public init(elementBytes: Int, segments: Segments = .long, wireBytes: Int? = nil) {
    self.init(
      segmentLength: segments.length(elementBytes: elementBytes, wireBytes: wireBytes),
      lanesInFlight: segments.inFlight(long: 2), workspaceLength: (16 << 20) / elementBytes)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    let lanes = lanes(size, count)
    var builder = ScheduleBuilder(size: size, rank: rank, count: count)
    let filled = size > 1 ? lanes.filledParts : 0
    let inFlight = min(inFlight(size), max(1, filled))
    let slotLength = lanes.longest.roundedUpToCacheLine
    /// The addition that read each slot of workspace last.
    var readers = [Int32](repeating: ScheduleBuilder.nothing, count: inFlight * max(0, size - 1))
    /// For each lane in flight the action after which its second step goes.
    var first = [Int32](repeating: ScheduleBuilder.nothing, count: inFlight)
    for (lane, step) in LaneWave(lanes: filled, steps: 2, inFlight: inFlight) {
      let place = lane % inFlight
      let elements = lanes[lane]
      switch (rank, step) {
      case (0, 0):
        first[place] = ScheduleBuilder.nothing
        for other in 1..<size {
          let slot = place * (size - 1) + other - 1
          let operand = count + slot * slotLength
          let receive = builder.receive(
            operand..<operand + elements.count, from: other, after: readers[slot])
          first[place] = builder.combine(operand, on: .right, into: elements, after: receive, first[place])
          readers[slot] = first[place]
        }
      case (0, _):
        for other in 1..<size { _ = builder.send(elements, to: other, after: first[place]) }
      case (_, 0):
        first[place] = builder.send(elements, to: 0, after: ScheduleBuilder.nothing)
      default:
        _ = builder.receive(elements, from: 0, after: first[place])
      }
    }
    return builder.finish(
      workspaceCount: rank == 0 && filled > 0 ? readers.count * slotLength : 0,
      window: ScheduleBuilder.window(3 * (size - 1) * inFlight))
  }

  /// The root sends, receives and adds (size - 1) count elements, in as many messages for each lane as there are other ranks;
  /// another rank sends and receives count elements. Contributions come to the root in one message, to the others in two.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    guard size > 1, count > 0 else { return ScheduleCost() }
    let others = rank == 0 ? size - 1 : 1
    return ScheduleCost(
      sent: others * count, received: others * count, added: rank == 0 ? others * count : 0,
      messages: others * lanes(size, count).filledParts, rounds: rank == 0 ? 1 : 2)
  }

  public func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)] {
    count == 0 ? [] : [(0..<count, .chain(0..<size))]
  }

  private func inFlight(_ size: Int) -> Int {
    max(1, min(lanesInFlight, workspaceLength / (max(1, size - 1) * Self.shortLength)))
  }

  private func lanes(_ size: Int, _ count: Int) -> Partition {
    let share = workspaceLength / (inFlight(size) * max(1, size - 1)) / 16 * 16
    return Partition(0..<count, upTo: min(segmentLength, max(16, share)))
  }
}
