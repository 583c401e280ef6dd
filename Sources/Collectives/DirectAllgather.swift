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
  private let direct: Direct

  /// With the words of ``Direct``.
  public init(segmentLength: Int, lanesInFlight: Int) {
    direct = Direct(segmentLength: segmentLength, lanesInFlight: lanesInFlight)
  }

  /// With the segments of ``Direct``.
  public init(elementBytes: Int) {
    let direct = Direct(elementBytes: elementBytes)
    self.init(segmentLength: direct.segmentLength, lanesInFlight: direct.lanesInFlight)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    direct.schedule(.allgather, size: size, rank: rank, count: count)
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends (size - 1) p(r) elements in
  /// (size - 1) m(r) messages, and receives count - p(r).
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    direct.cost(.allgather, size: size, rank: rank, count: count)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract { .allgather(size: size, count: count) }
}
