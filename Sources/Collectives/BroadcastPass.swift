/// One rank's part in a broadcast down a tree: segments come from one rank and go on to others, each as soon as it is
/// here.
struct BroadcastPass {
  /// Where a rank is in the tree, by numbers that count ranks from the root on.
  typealias Relatives = (parent: Int, children: [Int], rounds: Int)

  private let size: Int
  private let rank: Int
  private let count: Int
  private let segments: Partition
  /// Nobody, for the root.
  private let parent: Int?
  private let children: [Int]
  /// Messages that follow one another on the way to this rank.
  private let rounds: Int

  /// Segments in hand for each rank that they go to: a few, so that one is on its way while another is waited for.
  private static let segmentsInHand = 8

  /// - Parameters:
  ///   - segmentLength: elements of a segment, at most.
  ///   - relatives: of a number; the parent of number 0 is not looked at.
  init(
    root: Int, segmentLength: Int, size: Int, rank: Int, count: Int, relatives: (_ number: Int) -> Relatives
  ) {
    precondition(0 <= root && root < size, "broadcast: there is no root \(root) among \(size) ranks")
    let number = (rank - root + size) % size
    let found = relatives(number)
    self.size = size
    self.rank = rank
    self.count = count
    segments = Partition(0..<count, into: max(1, (count + segmentLength - 1) / segmentLength))
    parent = number == 0 ? nil : (found.parent + root) % size
    children = found.children.map { ($0 + root) % size }
    rounds = found.rounds
  }

  func schedule() -> Schedule {
    var builder = ScheduleBuilder(size: size, rank: rank, count: count)
    for segment in 0..<segments.filledParts {
      var arrival = ScheduleBuilder.nothing
      if let parent {
        arrival = builder.receive(segments[segment], from: parent, after: ScheduleBuilder.nothing)
      }
      for child in children { _ = builder.send(segments[segment], to: child, after: arrival) }
    }
    return builder.finish(workspaceCount: 0, window: Self.segmentsInHand * (children.count + 1))
  }

  var cost: ScheduleCost {
    ScheduleCost(
      sent: children.count * count, received: parent == nil ? 0 : count,
      messages: children.count * segments.filledParts, rounds: count == 0 ? 0 : rounds)
  }
}

extension Segments {
  /// Elements of a broadcast's segment: of at most 256 KiB.
  func broadcastLength(elementBytes: Int) -> Int { max(1, min(256 << 10, bytes) / elementBytes) }
}
