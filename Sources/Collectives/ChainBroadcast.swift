/// Broadcast down a chain: the root brings a buffer, and every rank gets it.
///
/// **Steps.** Ranks are numbered from the root on. The buffer is cut into segments; each number receives them from
/// the one before and sends each on to the next as soon as it is here.
///
/// **Cost.** Every rank receives the buffer once and sends it once, except the last: with m segments the last of
/// size ranks has it after the time of m + size - 2 segments, so that for large buffers a broadcast to any number of
/// ranks takes hardly longer than one transfer. No workspace. Rank r of the chain has its first element after r
/// messages.
///
/// **When it wins.** Large buffers: of all broadcasts it sends the least from any one rank, half of what a scatter
/// with an allgather does, and only neighbours talk.
///
/// Source: Chan, Heimlich, Purkayastha and van de Geijn (2007), as for ``Direct``, on pipelined algorithms.
public struct ChainBroadcast: ScheduledCollective {
  public let name = "chain-broadcast"
  public let root: Int
  /// Elements of a segment, at most (a grain more where the buffer does not divide evenly).
  public let segmentLength: Int

  public init(root: Int, segmentLength: Int) {
    precondition(segmentLength > 0)
    self.root = root
    self.segmentLength = segmentLength
  }

  /// With segments of 256 KiB.
  public init(root: Int, elementBytes: Int, segments: Segments = .long) {
    self.init(root: root, segmentLength: segments.broadcastLength(elementBytes: elementBytes))
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    pass(size, rank, count).schedule()
  }

  /// Every rank but the root receives the buffer once, and every one but the last sends it once, in a message a
  /// segment. The way to number v is v messages long.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost { pass(size, rank, count).cost }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    .broadcast(size: size, root: root, count: count)
  }

  private func pass(_ size: Int, _ rank: Int, _ count: Int) -> BroadcastPass {
    BroadcastPass(root: root, segmentLength: segmentLength, size: size, rank: rank, count: count) { number in
      (number - 1, number + 1 < size ? [number + 1] : [], number)
    }
  }
}
