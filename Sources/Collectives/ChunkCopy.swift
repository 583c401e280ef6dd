/// Each rank's chunk goes to one other rank too, its *keeper*. Rank r brings chunk r, in place; after it a rank has its own chunk and
/// those that it keeps, each in its place.
///
/// **Steps.** One message from each rank to its keeper for each segment of its chunk. Several ranks may have one keeper.
///
/// **Cost.** 1 / size of the buffer sent by each rank, in one round. No workspace.
///
/// **When it wins.** Where what one rank alone has must not be lost with it: the reduced gradients of a sharded optimizer.
public struct ChunkCopy: ScheduledCollective {
  public let name = "chunk-copy"
  /// For each rank another one.
  public let keepers: [Int]
  /// Whose segments it has, and as many lanes under way.
  public let direct: Direct
  /// As of ``Chunks``.
  public let grain: Int?

  public init(keepers: [Int], _ direct: Direct, grain: Int? = nil) {
    for (rank, keeper) in keepers.enumerated() {
      precondition(
        keepers.indices.contains(keeper) && keeper != rank, "rank \(rank) cannot have the keeper \(keeper)")
    }
    self.keepers = keepers
    self.direct = direct
    self.grain = grain
  }

  /// With the segments of the usual direct exchange for elements of so many bytes.
  public init(keepers: [Int], elementBytes: Int, grain: Int? = nil) {
    self.init(keepers: keepers, Direct(elementBytes: elementBytes), grain: grain)
  }

  /// The ranks whose chunks a rank keeps.
  public func kept(by rank: Int) -> [Int] { keepers.indices.filter { keepers[$0] == rank } }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    let (lanes, kept) = (lanes(size, count), kept(by: rank))
    var builder = ScheduleBuilder(
      size: size, rank: rank, count: count, capacity: (kept.count + 1) * lanes.count)
    for lane in 0..<(count == 0 ? 0 : lanes.count) {
      for other in kept {
        let segment = lanes.segments(ofChunk: other)[lane]
        if !segment.isEmpty { _ = builder.receive(segment, from: other, after: ScheduleBuilder.nothing) }
      }
      let own = lanes.segments(ofChunk: rank)[lane]
      if !own.isEmpty { _ = builder.send(own, to: keepers[rank], after: ScheduleBuilder.nothing) }
    }
    return builder.finish(
      workspaceCount: 0, window: (kept.count + 1) * min(direct.lanesInFlight, lanes.count))
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends p(r) elements in m(r) messages, and receives
  /// p(c) for each c that it keeps.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    let lanes = lanes(size, count)
    let received = kept(by: rank).reduce(0) { $0 + lanes.chunks[$1].count }
    return ScheduleCost(
      sent: lanes.chunks[rank].count, received: received,
      messages: lanes.segments(ofChunk: rank).filledParts, rounds: received > 0 ? 1 : 0)
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    let all = CollectiveContract.allgather(size: size, count: count, grain: grain)
    let chunks = Partition(0..<count, into: size, grain: grain)
    return CollectiveContract(
      contributors: all.contributors, before: all.before, result: all.result,
      after: (0..<size).map { rank in ([rank] + kept(by: rank)).map { chunks[$0] } })
  }

  private func lanes(_ size: Int, _ count: Int) -> ChunkLanes {
    direct.lanes(slots: 0, size, count, grain: grain)
  }
}
