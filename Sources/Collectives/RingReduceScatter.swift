/// Reduce-scatter round a ring: rank r gets chunk r of the sum, in place; the other elements of its buffer are
/// undefined after it.
///
/// **Steps of a lane.** Chunks, segments and lanes are those of ``Ring``. In step t, t in `0 ..< size - 1`, rank r
/// sends its segment of chunk r - 1 - t to rank r + 1, receives the sum so far of chunk r - 2 - t from rank r - 1,
/// and adds: `received + own`. So chunk c is summed in the order (((c + 1) + (c + 2)) + ...) + c, and ends at rank c.
///
/// **Cost.** (size - 1) / size of the buffer sent, received and added, the least that a reduce-scatter can do, in
/// size - 1 rounds.
///
/// **When it wins.** Large buffers, for the reasons of ``Ring``.
///
/// Source: as for ``Ring``.
public struct RingReduceScatter: ScheduledCollective {
  public let name = "ring-reduce-scatter"
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
    ring.schedule(.reduceScatter, size: size, rank: rank, count: count, grain: grain)
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends count - p(r) elements in
  /// sum(m) - m(r) messages, and receives and adds count - p(r - 1).
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    guard size > 1 else { return ScheduleCost() }
    let lanes = ring.lanes(size, count, grain: grain)
    let received = count - lanes.chunks[(rank + size - 1) % size].count
    return ScheduleCost(
      sent: count - lanes.chunks[rank].count, received: received, added: received,
      messages: lanes.messages(without: rank), rounds: lanes.chunks[rank].isEmpty ? 0 : size - 1)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    let chunks = Partition(0..<count, into: size, grain: grain)
    return .reduceScatter(
      size: size, count: count, grain: grain,
      orders: (0..<chunks.filledParts).map { chunk in
        (chunks[chunk], .chain((1...size).map { (chunk + $0) % size }))
      })
  }
}
