/// Writes a broadcast's schedule for one rank: segments that come from one rank and go on to others, each as soon
/// as it is here.
enum BroadcastPass {
  /// Segments in hand for each rank that they go to: a few, so that one is on its way while another is waited for.
  private static let segmentsInHand = 8

  static func schedule(
    size: Int, rank: Int, count: Int, segments: Partition, parent: Int?, children: [Int]
  ) -> Schedule {
    var builder = ScheduleBuilder(size: size, rank: rank, count: count)
    for segment in 0..<segments.filledParts {
      var arrival = ScheduleBuilder.nothing
      if let parent {
        arrival = builder.receive(segments[segment], from: parent, after: ScheduleBuilder.nothing)
      }
      for child in children { _ = builder.send(segments[segment], to: child, after: arrival) }
    }
    return builder.finish(workspaceCount: 0, window: segmentsInHand * (children.count + 1))
  }

  static func cost(count: Int, segments: Partition, parent: Int?, children: Int, rounds: Int) -> ScheduleCost
  {
    ScheduleCost(
      sent: children * count, received: parent == nil ? 0 : count, messages: children * segments.filledParts,
      rounds: count == 0 ? 0 : rounds)
  }

  static func segments(_ count: Int, length: Int) -> Partition {
    Partition(0..<count, into: max(1, (count + length - 1) / length))
  }

  /// The number of a rank, counted from the root.
  static func number(of rank: Int, root: Int, size: Int) -> Int {
    precondition(0 <= root && root < size, "broadcast: there is no root \(root) among \(size) ranks")
    return (rank - root + size) % size
  }
}
