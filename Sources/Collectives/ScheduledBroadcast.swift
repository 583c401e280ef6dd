/// A broadcast down a tree of ranks: segments come from one rank and go on to others, each as soon as it is here.
///
/// An algorithm says where a rank is in its tree; all else is the same.
public protocol ScheduledBroadcast: ScheduledCollective {
  var root: Int { get }
  /// Elements of a segment, at most (a grain more where the buffer does not divide evenly).
  var segmentLength: Int { get }

  /// Where the rank with that number is in the tree. Numbers count ranks from the root on.
  ///
  /// - Returns: the number that it gets the buffer from, which nobody asks of the root; the numbers that it sends it on to, in that order; and
  ///   how many messages follow one another on the way to it.
  func relatives(of number: Int, size: Int) -> (parent: Int, children: [Int], rounds: Int)
}

extension ScheduledBroadcast {
  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    let place = place(size, rank)
    let segments = Partition(0..<count, upTo: segmentLength)
    var builder = ScheduleBuilder(size: size, rank: rank, count: count)
    for segment in 0..<segments.filledParts {
      var arrival = ScheduleBuilder.nothing
      if let parent = place.parent {
        arrival = builder.receive(segments[segment], from: parent, after: ScheduleBuilder.nothing)
      }
      for child in place.children { _ = builder.send(segments[segment], to: child, after: arrival) }
    }
    // A few segments for each rank that they go to, so that one is on its way while another is waited for.
    return builder.finish(workspaceCount: 0, window: 8 * (place.children.count + 1))
  }

  /// Every rank but the root receives the buffer once; each sends it to its children, in a message a segment.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    let place = place(size, rank)
    return ScheduleCost(
      sent: place.children.count * count, received: place.parent == nil ? 0 : count,
      messages: place.children.count * Partition(0..<count, upTo: segmentLength).filledParts,
      rounds: count == 0 ? 0 : place.rounds)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    .broadcast(size: size, root: root, count: count)
  }

  /// The same in ranks; without a parent for the root.
  private func place(_ size: Int, _ rank: Int) -> (parent: Int?, children: [Int], rounds: Int) {
    precondition(0 <= root && root < size, "broadcast: there is no root \(root) among \(size) ranks")
    let number = (rank - root + size) % size
    let relatives = relatives(of: number, size: size)
    return (
      number == 0 ? nil : (relatives.parent + root) % size, relatives.children.map { ($0 + root) % size },
      relatives.rounds
    )
  }
}

extension Segments {
  /// Elements of a broadcast's segment: of at most 256 KiB.
  func broadcastLength(elementBytes: Int) -> Int { max(1, min(256 << 10, bytes) / elementBytes) }
}
