/// Direct allgather: every rank sends its chunk to all others. Rank r brings chunk r, in place, and every rank gets
/// all chunks.
///
/// **Steps.** The second half of ``Direct``: in step t, t in `1 ..< size`, rank r sends to rank r + t and receives from
/// rank r - t straight into place.
///
/// **Cost.** (size - 1) / size of the buffer sent and received, in one round of size - 1 messages for each segment.
/// No workspace.
///
/// **When it wins.** Buffers that are not large, or few ranks, as for ``Direct``.
public struct DirectAllgather: ScheduledCollective {
  public let name = "direct-allgather"
  /// The direct exchange of which it is a half: its segments, and how many lanes are under way.
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
    direct.schedule(.allgather, size: size, rank: rank, count: count, grain: grain)
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends (size - 1) p(r) elements in
  /// (size - 1) m(r) messages, and receives count - p(r).
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    direct.cost(.allgather, size: size, rank: rank, count: count, grain: grain)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    .allgather(size: size, count: count, grain: grain)
  }
}
