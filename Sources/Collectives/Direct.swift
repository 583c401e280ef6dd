/// Direct exchange: every rank sends chunk c straight to its owner, rank c; the owner adds, and sends the sum
/// to all.
///
/// **Words.** The buffer is cut into `size` *chunks*, chunk c owned by rank c. Each chunk is cut into *segments*,
/// as many in every chunk; the s-th segments of all chunks form *lane* s, as in ``Ring``.
///
/// **Steps of a lane.** In step t of the reduce-scatter, t in `1 ..< size`, rank r sends its segment of chunk
/// r + t to that chunk's owner and receives one of its own chunk from rank r - t, modulo size. So in every step
/// each rank is sent to by one rank, and none is flooded. The owner adds what it receives to its own, in the
/// order ((r + (r - 1)) + (r - 2)) + ..., each as soon as it and those before it are there. In the allgather it
/// sends the sum to rank r + t in step t.
///
/// **Cost.** The bytes and the additions of the ring, 2 (size - 1) / size and (size - 1) / size of the buffer, in
/// two rounds instead of 2 (size - 1), all of a round's messages being under way at once. Sums are computed once
/// and copied: all ranks hold the same bits.
///
/// **Pipeline.** Up to `lanesInFlight` lanes are under way, so that one travels while another is added. A lane
/// has a segment of workspace for every other rank; where that would be more than `workspaceLength` in all,
/// segments are shorter.
///
/// **When it wins.** Few ranks, middle sizes, and a network on which all pairs can talk at full speed: two rounds
/// are the fewest that can do with so few bytes. Among many ranks its messages become many and small, size - 1
/// for every segment.
///
/// Source: Chan, Heimlich, Purkayastha and van de Geijn, "Collective communication: theory, practice, and
/// experience", Concurrency Computat. Pract. Exper. 19 (2007) 1749-1783.
public struct Direct: ScheduledAllreduce {
  public let name = Algorithm.direct.rawValue
  /// Elements of a segment, at most (a grain more where a chunk does not divide evenly).
  public let segmentLength: Int
  /// Lanes that are under way at a time, at most.
  public let lanesInFlight: Int
  /// Elements of workspace that shorten the segments; a cache line for each message under way is the least.
  public let workspaceLength: Int

  public init(segmentLength: Int, lanesInFlight: Int, workspaceLength: Int = .max) {
    precondition(segmentLength > 0 && lanesInFlight > 0 && workspaceLength > 0)
    self.segmentLength = segmentLength
    self.lanesInFlight = lanesInFlight
    self.workspaceLength = workspaceLength
  }

  /// With segments of 512 KiB, two lanes in flight, 16 MiB of workspace; or with other ``Segments``.
  ///
  /// - Parameter wireBytes: bytes of an element on the wire, when they are fewer.
  public init(elementBytes: Int, segments: Segments = .long, wireBytes: Int? = nil) {
    self.init(
      segmentLength: segments.length(elementBytes: elementBytes, wireBytes: wireBytes),
      lanesInFlight: segments.inFlight(long: 2), workspaceLength: (16 << 20) / elementBytes)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    schedule(.both, size: size, rank: rank, count: count)
  }

  /// - Parameter grain: of the chunks, as of ``Chunks``.
  func schedule(_ phases: Phases, size: Int, rank: Int, count: Int, grain: Int? = nil) -> Schedule {
    var pass = DirectPass(
      phases, lanes: lanes(phases, size, count, grain: grain), size: size, rank: rank, count: count,
      inFlight: lanesInFlight)
    return pass.schedule()
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends and receives count +
  /// (size - 2) p(r) elements, adds (size - 1) p(r), and sends sum(m) + (size - 2) m(r) messages.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    cost(.both, size: size, rank: rank, count: count)
  }

  func cost(_ phases: Phases, size: Int, rank: Int, count: Int, grain: Int? = nil) -> ScheduleCost {
    DirectPass.cost(phases, lanes: lanes(phases, size, count, grain: grain), size: size, rank: rank)
  }

  public func symmetry(size: Int, count: Int) -> RankSymmetry? {
    Partition(0..<count, into: size).isEven ? .rotation : nil
  }

  public func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)] {
    DirectPass.additionOrders(size: size, count: count)
  }

  private func lanes(_ phases: Phases, _ size: Int, _ count: Int, grain: Int?) -> ChunkLanes {
    lanes(slots: phases.reduces ? size - 1 : 0, size, count, grain: grain)
  }

  /// Lanes with segments of at most `segmentLength` elements, fewer where `slots` of them for each lane in flight
  /// would take more than `workspaceLength`.
  func lanes(slots: Int, _ size: Int, _ count: Int, grain: Int? = nil) -> ChunkLanes {
    let share = slots == 0 ? segmentLength : workspaceLength / (lanesInFlight * slots) / 16 * 16
    return ChunkLanes(
      count: count, size: size, segmentLength: min(segmentLength, max(16, share)), grain: grain)
  }
}
