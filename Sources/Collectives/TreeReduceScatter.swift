/// The reduce-scatter whose bits do not depend on the number of ranks: it adds in the order of a ``ReductionTree``. Rank r
/// gets chunk r of the sum, in place in its first buffer; what the rest of its buffers holds then is undefined.
///
/// **Words** are those of ``TreeAllreduce``: each rank brings a buffer for each of its partial sums, K in all.
///
/// **Steps.** The first half of the direct exchange there, for every size: in step t, t in `1 ..< size`, rank r sends chunk
/// r + t of all its partial sums to rank r + t, modulo size. The owner of a chunk adds as the tree says, sums of subtrees as
/// soon as both parts are there.
///
/// **Cost.** One round. Rank r, with k(r) partial sums, sends k(r) (size - 1) / size of a buffer, receives (K - k(r)) / size and
/// adds (K - 1) / size. With a power of two of leaves and of ranks k(r) is 1: with an allgather the bytes of a ring.
///
/// **When it wins.** Where each rank goes on with its chunk, as with optimizers whose state is sharded, and bits must not
/// depend on the number of ranks.
public struct TreeReduceScatter: ScheduledCollective {
  public let name = "tree-reduce-scatter"
  public let tree: ReductionTree
  /// Whose segments it has, as many lanes under way, and as much workspace.
  public let direct: Direct
  /// As of ``Chunks``.
  public let grain: Int?

  public init(leaves: Int, _ direct: Direct, grain: Int? = nil) {
    tree = ReductionTree(leaves: leaves)
    self.direct = direct
    self.grain = grain
  }

  /// With the segments of the usual direct exchange for elements of so many bytes.
  public init(leaves: Int, elementBytes: Int, segments: Segments = .long, grain: Int? = nil) {
    self.init(leaves: leaves, Direct(elementBytes: elementBytes, segments: segments), grain: grain)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    let partials = tree.partials(size: size)
    var pass = TreePass(
      .reduceScatter, tree, partials: partials, lanes: lanes(partials, count), rank: rank, count: count,
      inFlight: direct.lanesInFlight)
    return pass.schedule()
  }

  /// With K partial sums in all and k of the rank's own, p(c) elements in chunk c and m(c) segments in it that are not
  /// empty, rank r sends k (count - p(r)) elements in k (sum(m) - m(r)) messages, receives (K - k) p(r) and adds (K - 1) p(r).
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    let partials = tree.partials(size: size)
    let (all, own) = (partials.joined().count, partials[rank].count)
    let lanes = lanes(partials, count)
    let chunk = lanes.chunks[rank].count
    return ScheduleCost(
      sent: own * (count - chunk), received: (all - own) * chunk, added: (all - 1) * chunk,
      messages: own * lanes.messages(without: rank), rounds: size > 1 && chunk > 0 ? 1 : 0)
  }

  /// The contributions are those of the leaves, and the order is the tree.
  public func contract(size: Int, count: Int) -> CollectiveContract {
    let chunks = Partition(0..<count, into: size, grain: grain)
    return CollectiveContract(
      contributors: tree.leaves,
      before: CollectiveContract.partials(tree.partials(size: size), of: tree, count: count),
      result: count == 0 ? [] : [(0..<count, tree.order)], after: (0..<size).map { [chunks[$0]] })
  }

  private func lanes(_ partials: [[Range<Int>]], _ count: Int) -> ChunkLanes {
    direct.lanes(slots: partials.joined().count, partials.count, count, grain: grain)
  }
}
