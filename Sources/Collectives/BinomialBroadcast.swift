/// Broadcast down a binomial tree: the root brings a buffer, and every rank gets it.
///
/// **Steps.** Ranks are numbered from the root on. Number v gets the buffer from the number without v's lowest 1 bit,
/// and sends it on to v + 2^j for every bit j below that one (the root: for every bit), the largest first, since it
/// has the largest tree behind it.
///
/// ```
/// 8 ranks    0 -> 4 2 1    4 -> 6 5    2 -> 3    6 -> 7
/// ```
///
/// **Cost.** ceil(log2 size) rounds; the root sends the buffer as often, one message each, so that a large buffer
/// takes that many times as long as one transfer. Segments of at most `segmentLength` go down one behind the other.
///
/// **When it wins.** Small buffers: no broadcast has fewer rounds.
///
/// Source: Thakur, Rabenseifner and Gropp (2005), as for ``RecursiveDoubling``.
public struct BinomialBroadcast: ScheduledBroadcast {
  public let name = "binomial-broadcast"
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

  /// The way to number v has as many messages as v has 1 bits.
  public func relatives(of number: Int, size: Int) -> (parent: Int, children: [Int], rounds: Int) {
    var children: [Int] = []
    var distance = 1
    while distance < size, number & distance == 0 {
      if number + distance < size { children.append(number + distance) }
      distance *= 2
    }
    return (number - distance, children.reversed(), number.nonzeroBitCount)
  }
}
