/// The ring: reduce-scatter, then allgather, each in size - 1 steps between neighbours.
///
/// **Words.** The buffer is cut into `size` *chunks*, chunk c being the one that rank c sends first. Each
/// chunk is cut into *segments*, as many in every chunk. The s-th segments of all chunks form *lane* s: a
/// small allreduce of its own that shares nothing with other lanes. Ranks stand in a ring: rank r sends to
/// r + 1 and receives from r - 1, modulo size.
///
/// **Steps of a lane.** In step t of the reduce-scatter, t in `0 ..< size - 1`, rank r sends its segment of
/// chunk r - t, receives the sum so far of chunk r - t - 1 into workspace, and adds: `received + own`. So
/// chunk c is summed in the order ((c + (c + 1)) + (c + 2)) + ..., round the ring, and ends complete at rank
/// c - 1. In step t of the allgather rank r sends chunk r + 1 - t, which is complete, and receives chunk
/// r - t straight into place.
///
/// ```
/// size 3         reduce-scatter            allgather
/// rank 0     sends 0, 2; completes 1     sends 1, 0
/// rank 1     sends 1, 0; completes 2     sends 2, 1
/// rank 2     sends 2, 1; completes 0     sends 0, 2
/// ```
///
/// **Cost.** A rank sends every chunk but one in each half: 2 (size - 1) / size of the buffer, which no
/// allreduce can go below, and adds (size - 1) / size of it. It takes 2 (size - 1) rounds. The result is
/// computed once, at one rank, and copied: all ranks hold the same bits.
///
/// **Pipeline.** Up to `lanesInFlight` lanes are under way at a time, each a few steps behind the one before
/// it. While the sum of one segment is taken, others travel; a segment is passed on right after it was added,
/// while it is in the cache, and a lane's allgather runs while later lanes are still in their reduce-scatter,
/// so the buffer passes through the cache once. Each lane in flight has two segments of workspace: the next
/// step's receive is posted before this step's sum is taken.
///
/// **When it wins.** Large buffers: it needs the least of the network, and only neighbours talk. Its latency
/// grows with the number of ranks, so that small buffers over many ranks want an algorithm with fewer rounds.
///
/// Sources: Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", J.
/// Parallel Distrib. Comput. 69 (2009) 117-124; Gibiansky, "Bringing HPC techniques to deep learning", Baidu
/// Research (2017).
public struct Ring: ScheduledAllreduce {
  public let name = Algorithm.ring.rawValue
  /// Elements of a segment, at most (a grain more where a chunk does not divide evenly).
  public let segmentLength: Int
  /// Lanes that are under way at a time, at most.
  public let lanesInFlight: Int

  public init(segmentLength: Int, lanesInFlight: Int) {
    precondition(segmentLength > 0 && lanesInFlight > 0)
    self.segmentLength = segmentLength
    self.lanesInFlight = lanesInFlight
  }

  /// The ring with segments of 512 KiB, four lanes in flight.
  ///
  /// Measured on two cores with 1 MiB of second-level cache each, 2 ranks, 1 to 64 MiB: segments of 64 and
  /// 128 KiB pay 5 to 20 % for more messages, from 256 KiB to 1 MiB there is little between them. Two lanes
  /// are enough for one to travel while the other is added. Between hosts four are 5 % faster: a rank that loses
  /// its core for a moment has more under way. Six are not.
  ///
  /// - Parameters:
  ///   - segments: shorter ones between hosts, eight lanes of them; see ``Segments``.
  ///   - wireBytes: bytes of an element on the wire, when they are fewer.
  public init(elementBytes: Int, segments: Segments = .long, wireBytes: Int? = nil) {
    self.init(
      segmentLength: segments.length(elementBytes: elementBytes, wireBytes: wireBytes),
      lanesInFlight: segments.inFlight(long: 4))
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    schedule(.both, size: size, rank: rank, count: count)
  }

  /// - Parameter grain: of the chunks, as of ``Chunks``.
  func schedule(_ phases: Phases, size: Int, rank: Int, count: Int, grain: Int? = nil) -> Schedule {
    var pass = RingPass(
      phases, lanes: lanes(size, count, grain: grain), size: size, rank: rank, count: count,
      inFlight: lanesInFlight)
    return pass.schedule()
  }

  /// With p(c) elements in chunk c and m(c) segments in it that are not empty, rank r sends 2 count - p(r +
  /// 1) - p(r + 2) elements in 2 sum(m) - m(r + 1) - m(r + 2) messages, receives 2 count - p(r) - p(r + 1),
  /// and adds count - p(r). Chunk c comes to rank r after size - 1 messages of the reduce-scatter and r - (c
  /// - 1), modulo size, of the allgather.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    guard size > 1 else { return ScheduleCost() }
    let lanes = lanes(size, count)
    func elements(_ chunk: Int) -> Int { lanes.chunks[chunk % size].count }
    func messages(_ chunk: Int) -> Int { lanes.segments(ofChunk: chunk % size).filledParts }
    return ScheduleCost(
      sent: 2 * count - elements(rank + 1) - elements(rank + 2),
      received: 2 * count - elements(rank) - elements(rank + 1),
      added: count - elements(rank),
      messages: 2 * (0..<size).reduce(0) { $0 + messages($1) } - messages(rank + 1) - messages(rank + 2),
      rounds: (0..<lanes.chunks.filledParts).map { size - 1 + (rank - $0 + 1 + size) % size }.max() ?? 0)
  }

  public func symmetry(size: Int, count: Int) -> RankSymmetry? {
    Partition(0..<count, into: size).isEven ? .rotation : nil
  }

  public func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)] {
    let chunks = Partition(0..<count, into: size)
    return (0..<chunks.filledParts).map { chunk in
      (chunks[chunk], .chain((0..<size).map { (chunk + $0) % size }))
    }
  }

  func lanes(_ size: Int, _ count: Int, grain: Int? = nil) -> ChunkLanes {
    ChunkLanes(count: count, size: size, segmentLength: segmentLength, grain: grain)
  }
}
