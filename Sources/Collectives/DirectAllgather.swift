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
  /// As of ``Direct``.
  public let segmentLength: Int
  public let lanesInFlight: Int
  /// As of ``Chunks``.
  public let grain: Int?

  public init(segmentLength: Int, lanesInFlight: Int, grain: Int? = nil) {
    precondition(segmentLength > 0 && lanesInFlight > 0)
    self.segmentLength = segmentLength
    self.lanesInFlight = lanesInFlight
    self.grain = grain
  }

  /// With the segments of ``Direct``.
  public init(elementBytes: Int, segments: Segments = .long, grain: Int? = nil) {
    let direct = Direct(elementBytes: elementBytes, segments: segments)
    self.init(segmentLength: direct.segmentLength, lanesInFlight: direct.lanesInFlight, grain: grain)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    var pass = DirectPass(
      .allgather, lanes: lanes(size, count), size: size, rank: rank, count: count, inFlight: lanesInFlight)
    return pass.schedule()
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends (size - 1) p(r) elements in
  /// (size - 1) m(r) messages, and receives count - p(r).
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    DirectPass.cost(.allgather, lanes: lanes(size, count), size: size, rank: rank)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    .allgather(size: size, count: count, grain: grain)
  }

  private func lanes(_ size: Int, _ count: Int) -> ChunkLanes {
    ChunkLanes(count: count, size: size, segmentLength: segmentLength, grain: grain)
  }
}
