/// Allgather round a ring: rank r brings chunk r, in place, and every rank gets all chunks.
///
/// **Steps of a lane.** Chunks, segments and lanes are those of ``Ring``. In step t, t in `0 ..< size - 1`, rank r
/// sends its segment of chunk r - t to rank r + 1, and receives that of chunk r - 1 - t from rank r - 1 straight into
/// place.
///
/// **Cost.** (size - 1) / size of the buffer sent and received, the least that an allgather can do, in size - 1
/// rounds. No workspace.
///
/// **When it wins.** Large buffers, for the reasons of ``Ring``.
///
/// Source: as for ``Ring``.
public struct RingAllgather: ScheduledCollective {
  public let name = "ring-allgather"
  /// The ring of which it is a half: its segments, and how many lanes are under way.
  public let ring: Ring
  /// As of ``Chunks``.
  public let grain: Int?

  public init(_ ring: Ring, grain: Int? = nil) {
    self.ring = ring
    self.grain = grain
  }

  /// A half of the usual ring for elements of so many bytes.
  public init(elementBytes: Int, segments: Segments = .long, grain: Int? = nil) {
    self.init(Ring(elementBytes: elementBytes, segments: segments), grain: grain)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    ring.schedule(.allgather, size: size, rank: rank, count: count, grain: grain)
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends count - p(r + 1) elements
  /// in sum(m) - m(r + 1) messages, and receives count - p(r). Chunk c comes to it after r - c messages, modulo size.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    guard size > 1 else { return ScheduleCost() }
    let lanes = ring.lanes(size, count, grain: grain)
    let next = (rank + 1) % size
    return ScheduleCost(
      sent: count - lanes.chunks[next].count, received: count - lanes.chunks[rank].count,
      messages: lanes.messages(without: next),
      rounds: (0..<lanes.chunks.filledParts).map { (rank - $0 + size) % size }.max() ?? 0)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    .allgather(size: size, count: count, grain: grain)
  }
}
