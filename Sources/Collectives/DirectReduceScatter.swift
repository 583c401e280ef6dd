/// Direct reduce-scatter: every rank sends chunk c straight to rank c, which adds. Rank r gets chunk r of the sum,
/// in place; the other elements of its buffer are what they were.
///
/// **Steps.** The first half of ``Direct``: in step t, t in `1 ..< size`, rank r sends to rank r + t and receives from
/// rank r - t, and it adds in the order ((r + (r - 1)) + (r - 2)) + ....
///
/// **Cost.** (size - 1) / size of the buffer sent, received and added, in one round of size - 1 messages for each
/// segment.
///
/// **When it wins.** Buffers that are not large, or few ranks, as for ``Direct``.
public struct DirectReduceScatter: ScheduledCollective {
  public let name = "direct-reduce-scatter"
  /// The direct exchange of which it is a half: its segments, how many lanes are under way, and their workspace.
  public let direct: Direct
  /// As of ``Chunks``.
  public let grain: Int?

  public init(_ direct: Direct, grain: Int? = nil) {
    self.direct = direct
    self.grain = grain
  }

  /// A half of the usual direct exchange for elements of so many bytes.
  public init(elementBytes: Int, segments: Segments = .long, grain: Int? = nil) {
    self.init(Direct(elementBytes: elementBytes, segments: segments), grain: grain)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    direct.schedule(.reduceScatter, size: size, rank: rank, count: count, grain: grain)
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends count - p(r) elements in
  /// sum(m) - m(r) messages, and receives and adds (size - 1) p(r).
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    direct.cost(.reduceScatter, size: size, rank: rank, count: count, grain: grain)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    .reduceScatter(
      size: size, count: count, grain: grain,
      orders: DirectPass.additionOrders(size: size, count: count, grain: grain))
  }
}
