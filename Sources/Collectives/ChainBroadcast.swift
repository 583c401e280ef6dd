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
public struct ChainBroadcast: ScheduledBroadcast {
  public let name = "chain-broadcast"
  public let root: Int
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

  /// The way to number v is v messages long.
  public func relatives(of number: Int, size: Int) -> (parent: Int, children: [Int], rounds: Int) {
    (number - 1, number + 1 < size ? [number + 1] : [], number)
  }
}
