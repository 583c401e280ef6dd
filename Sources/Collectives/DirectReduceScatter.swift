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
  /// As of ``Direct``.
  public let segmentLength: Int
  public let lanesInFlight: Int
  public let workspaceLength: Int
  /// As of ``Chunks``.
  public let grain: Int?

  public init(segmentLength: Int, lanesInFlight: Int, workspaceLength: Int = .max, grain: Int? = nil) {
    precondition(segmentLength > 0 && lanesInFlight > 0 && workspaceLength > 0)
    self.segmentLength = segmentLength
    self.lanesInFlight = lanesInFlight
    self.workspaceLength = workspaceLength
    self.grain = grain
  }

  /// With the segments of ``Direct``.
  public init(elementBytes: Int, segments: Segments = .long, grain: Int? = nil) {
    let direct = Direct(elementBytes: elementBytes, segments: segments)
    self.init(
      segmentLength: direct.segmentLength, lanesInFlight: direct.lanesInFlight,
      workspaceLength: direct.workspaceLength, grain: grain)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    var pass = DirectPass(
      .reduceScatter, lanes: lanes(size, count), size: size, rank: rank, count: count, inFlight: lanesInFlight
    )
    return pass.schedule()
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends count - p(r) elements in
  /// sum(m) - m(r) messages, and receives and adds (size - 1) p(r).
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    DirectPass.cost(.reduceScatter, lanes: lanes(size, count), size: size, rank: rank)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    .reduceScatter(
      size: size, count: count, grain: grain,
      orders: DirectPass.additionOrders(size: size, count: count, grain: grain))
  }

  private func lanes(_ size: Int, _ count: Int) -> ChunkLanes {
    DirectPass.lanes(
      slots: size - 1, size: size, count: count, segmentLength: segmentLength, inFlight: lanesInFlight,
      workspaceLength: workspaceLength, grain: grain)
  }
}
