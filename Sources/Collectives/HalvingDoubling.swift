/// Halving-doubling: a reduce-scatter in which what a rank still has to pass on halves from round to round, then
/// an allgather in which what it holds doubles.
///
/// **Words.** The buffer is cut into *lanes*, which follow each other as in a pipeline; a buffer up to
/// `laneLength` is one lane. A lane is cut into `size` *chunks*; each ends complete at one rank, its owner, and
/// goes from there to all.
///
/// **Steps of a lane, 2^k ranks.** In round i of the reduce-scatter rank r exchanges with the rank whose number
/// differs in bit i. Both have sums of the same run of chunks: the lower rank keeps its first half and sends the
/// second, the upper one the other way round, and each adds what it receives. The allgather goes back: each sends
/// what it kept in that round, by now complete, and receives what it sent. The largest messages go between
/// neighbours, and every chunk is added in the same tree: lower + upper, neighbours first.
///
/// ```
/// size 4    round 0: keeps   round 1: keeps
/// rank 0       0 1 of 1         0 of 2         the allgather: 0, then 0 1, then all
/// rank 1       2 3 of 0         2 of 3
/// rank 2       0 1 of 3         1 of 0
/// rank 3       2 3 of 2         3 of 1
/// ```
///
/// **Any other size.** Folding the surplus into a power of two first would cost two more rounds and half as many
/// bytes again. Instead the halves are rounded: with skips s(0) = size and s(i + 1) = ceil(s(i) / 2) down to 1,
/// rank r has in round i sums of the chunks r ..< r + s(i), counted modulo size. It sends the last of them, from
/// r + s(i + 1) on, to rank r + s(i + 1), and adds those that it receives from rank r - s(i + 1) to its first ones.
/// That is neither one chunk nor one round more than for a power of two. A run of chunks that goes beyond the
/// last one and begins anew with chunk 0 takes two messages. (For powers of two this would do as well, but for
/// the second messages and the neighbours.)
///
/// **Cost.** For every size 2 ceil(log2 size) rounds, 2 (size - 1) / size of the buffer sent and received and
/// (size - 1) / size of it added: the bytes of the ring, in fewer rounds. Sums are computed once and copied: all
/// ranks hold the same bits.
///
/// **When it wins.** Buffers of middle size, where the ring's rounds are felt and recursive doubling's bytes are.
/// For large ones it is level with the ring on a network that carries all pairs at full speed.
///
/// Sources: Rabenseifner, "Optimization of collective reduction operations", ICCS 2004, LNCS 3036, 1-9; Thakur,
/// Rabenseifner and Gropp (2005), as for ``RecursiveDoubling``; any size: Träff, "Optimal, non-pipelined
/// reduce-scatter and allreduce algorithms", arXiv:2410.14234 (2024).
public struct HalvingDoubling: ScheduledAllreduce {
  public let name = Algorithm.halvingDoubling.rawValue
  /// Elements of a lane, at most (a grain more where the buffer does not divide evenly).
  public let laneLength: Int
  /// Lanes that are under way at a time, at most.
  public let lanesInFlight: Int

  public init(laneLength: Int, lanesInFlight: Int) {
    precondition(laneLength > 0 && lanesInFlight > 0)
    self.laneLength = laneLength
    self.lanesInFlight = lanesInFlight
  }

  /// With lanes of 1 MiB, two in flight; or with other ``Segments``: the longest message is half a lane.
  ///
  /// - Parameter wireBytes: bytes of an element on the wire, when they are fewer.
  public init(elementBytes: Int, segments: Segments = .long, wireBytes: Int? = nil) {
    self.init(
      laneLength: 2 * segments.length(elementBytes: elementBytes, wireBytes: wireBytes),
      lanesInFlight: segments.inFlight(long: 2))
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    var pass = HalvingDoublingPass(
      lanes: lanes(count), size: size, rank: rank, count: count, inFlight: lanesInFlight)
    return pass.schedule()
  }

  /// With n elements in all chunks of a lane, p in the rank's own, and k in those that it keeps in one round or
  /// another, each counted as often as it is kept: sent and received n - p + k, added k. A message for each run
  /// of chunks, or part of one, that is not empty.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    var cost = ScheduleCost()
    guard size > 1, count > 0 else { return cost }
    let halving = Halving(size: size)
    for lane in 0..<lanes(count).filledParts {
      let chunks = Partition(lanes(count)[lane], into: size)
      cost.sent += chunks.range.count - chunks[halving.chunk(ofRank: rank)].count
      for round in halving.rounds(ofRank: rank) {
        cost.added += round.kept.reduce(0) { $0 + chunks[$1].count }
        cost.messages += (round.kept + round.sent).count { !chunks[$0].isEmpty }
      }
      // A contribution comes to its chunk's owner by as many messages as its way has steps, and on to this rank.
      for chunk in 0..<chunks.filledParts {
        cost.rounds = max(
          cost.rounds, halving.longestWay + halving.way(fromOwnerOf: chunk, to: rank))
      }
    }
    cost.sent += cost.added
    cost.received = cost.sent
    return cost
  }

  public func symmetry(size: Int, count: Int) -> RankSymmetry? {
    guard Halving(size: size).isPowerOfTwo else { return nil }
    let lanes = lanes(count)
    return (0..<lanes.filledParts).allSatisfy { Partition(lanes[$0], into: size).isEven } ? .exclusiveOr : nil
  }

  public func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)] {
    let halving = Halving(size: size)
    guard count > 0 else { return [] }
    if halving.isPowerOfTwo { return [(0..<count, halving.order(ofChunk: 0))] }
    let orders = (0..<size).map(halving.order)
    return (0..<lanes(count).filledParts).flatMap { lane in
      let chunks = Partition(lanes(count)[lane], into: size)
      return (0..<chunks.filledParts).map { (chunks[$0], orders[$0]) }
    }
  }

  private func lanes(_ count: Int) -> Partition { Partition(0..<count, upTo: laneLength) }
}
