import MPI

/// Measures every algorithm on a grid of sizes, within a budget of time, and says which is best where.
///
/// Sizes grow by a factor of four. An algorithm that has fallen far behind at a large size is not measured at larger ones, where it would
/// only fall further, nor at any size that would not fit into the budget with it; the grid ends where one more size would not fit into it
/// at all. On slow networks that is early, but what is best there for the largest measured size is limited by bandwidth, and stays the best
/// beyond it.
public struct AllreduceTuning {
  /// Bytes of the largest buffer.
  public var largestBytes = 64 << 20
  public var smallestBytes = 4 << 10
  /// For all measurements; that of rank 0 counts.
  public var seconds = 25.0

  public init() {}

  /// How many times as long as the best one an algorithm takes that is not far behind.
  static let near = 1.6

  /// What was measured at one size, best first.
  public struct Row: Sendable {
    public let bytes: Int
    public let times: [(candidate: AllreduceCandidate, seconds: Double)]
  }

  /// Collective; the result is the same on all ranks.
  ///
  /// - Parameter report: called on every rank after each size.
  /// - Throws: ``MemoryShortage`` for buffers that some host has no room for.
  public func measure(
    _ layout: HostLayout, on world: borrowing Communicator, report: (Row) throws -> Void
  ) throws -> [AllreduceProfile.Measurement] {
    // What ranks have left of a budget differs, and how often they call must not.
    let seconds = try world.broadcast(seconds, root: 0)
    let memory = try ArenaMemory(count: largestBytes / 4, leaves: world.size, on: world)
    let isTwoLevel = !layout.isOneHost && layout.hasSharedHosts
    let ranks = isTwoLevel ? layout.hosts.count : world.size
    var candidates: [(candidate: AllreduceCandidate, allreduce: ArenaAllreduce)] = []
    for candidate in AllreduceCandidate.all(isOneHost: layout.isOneHost) {
      // Between hosts auto is what the selection says.
      let way: AllreduceWay =
        isTwoLevel ? .twoLevel : layout.isOneHost ? .messages(candidate.algorithm) : .auto
      try memory.check(way)
      candidates.append(
        (candidate, try ArenaAllreduce(way, in: memory, between: candidate.selection, on: world)))
    }
    var measurements: [AllreduceProfile.Measurement] = []
    let start = MPI.wallTime()
    var bytes = smallestBytes
    var left = seconds
    while bytes <= largestBytes {
      let count = bytes / 4 / (isTwoLevel ? layout.carriers : 1)
      let distinct = candidates.filter { $0.candidate.isDistinct(size: ranks, count: count) }
      let began = MPI.wallTime()
      let share = min(seconds / 60, left / Double(4 * distinct.count))
      let rows = try AllreduceBenchmark(distinct.map(\.allreduce))
        .measure(count: bytes / 4, seconds: share, least: 3, on: world)
      let times = zip(distinct, rows).map { (candidate: $0.candidate, seconds: $1.median) }
        .sorted { $0.seconds < $1.seconds }
      try report(Row(bytes: bytes, times: times))
      measurements += times.map {
        .init(
          algorithm: $0.candidate.algorithm, isTwoLevel: isTwoLevel, bytes: bytes,
          segments: $0.candidate.segments, timeUs: $0.seconds * 1e6)
      }
      if bytes >= 256 << 10 {
        let limit = times[0].seconds * Self.near
        candidates.removeAll { candidate in
          times.contains { $0.candidate == candidate.candidate && $0.seconds > limit }
        }
      }
      // Rank 0 decides: clocks differ.
      let elapsed = try world.broadcast(MPI.wallTime() - began, root: 0)
      left = try world.broadcast(seconds - (MPI.wallTime() - start), root: 0)
      let next = Course(times: times, elapsed: elapsed, share: share)
        .next(candidates.map(\.candidate), left: left)
      if next.isEmpty { break }
      candidates.removeAll { !next.contains($0.candidate) }
      bytes *= 4
    }
    memory.free()
    return measurements
  }
}
