/// The allreduce whose bits do not depend on the number of ranks: it adds in the order of a ``ReductionTree``.
///
/// **Words.** A *leaf* is a contribution, such as the gradient of one microbatch; the tree is over `leaves` of
/// them. Each rank holds a run of leaves, as long as the others' unless `runs` are given, and brings, in a buffer each, its *partial sums*:
/// those over the largest subtrees that lie inside its run (``partials(size:)``). With k(r) of them at rank r there are K = sum k(r) in
/// all. The result comes to the rank's first buffer; what the others hold then is undefined.
///
/// **Steps, leaves and size powers of two, equal runs.** Each rank holds one subtree, and the tree over the ranks is the one
/// in which ``HalvingDoubling`` adds, neighbours first. So this is halving-doubling, with the bytes of a ring, and
/// up to `shortLength` elements ``RecursiveDoubling``, whose tree is the same.
///
/// **Steps otherwise.** A direct exchange, as ``Direct``, but of partial sums: every rank sends chunk c of all it
/// has to rank c, which adds as the tree says, sums of subtrees as soon as both parts are there, and sends the sum
/// to all. Where K times the buffer is no more than `shortLength`, every rank sends all it has to all in one
/// round, and each adds the whole.
///
/// ```
/// 8 leaves, 3 ranks    rank 0: 0..<2    rank 1: 2..<4, 4    rank 2: 5, 6..<8
///                      ((0..<2) + (2..<4)) + ((4 + 5) + (6..<8))
/// ```
///
/// **Cost.** Of the direct exchange: two rounds; rank r sends (k(r) + 1) (size - 1) / size of the buffer,
/// receives as its share of the others' sums (K - k(r)) / size of it and (size - 1) / size of the result, and adds
/// (K - 1) / size. With as many leaves as ranks that is ``Direct``'s cost; each rank with more than one partial sum
/// adds to it.
///
/// **When it wins.** Where bits must not depend on the number of ranks. For powers of two it costs no more than
/// any other.
///
/// **Pipeline.** Lanes of segments, as in ``Direct``; workspace is bounded by `workspaceLength`, whatever the
/// buffer.
public struct TreeAllreduce: ScheduledAllreduce {
  public let name = "tree"
  public let tree: ReductionTree
  /// Elements that are exchanged whole: of a buffer, where ranks add in pairs, else of all K buffers together.
  public let shortLength: Int
  /// The leaves of each rank, for as many ranks alone; nil: for any number of ranks, as even as they can be.
  public let runs: [Range<Int>]?

  private let halving: HalvingDoubling
  private let doubling: RecursiveDoubling
  private let direct: Direct

  /// - Parameters:
  ///   - segmentLength: of the direct exchange.
  ///   - laneLength: of halving-doubling.
  ///   - lanesInFlight: of both.
  ///   - runs: in ascending order all leaves, at least one for each rank; nil: `ReductionTree.runs(size:)`.
  ///   - workspaceLength: as of ``Direct``.
  public init(
    leaves: Int, shortLength: Int, segmentLength: Int, laneLength: Int, lanesInFlight: Int,
    workspaceLength: Int = .max, runs: [Range<Int>]? = nil
  ) {
    tree = ReductionTree(leaves: leaves)
    self.runs = runs
    self.shortLength = shortLength
    halving = HalvingDoubling(laneLength: laneLength, lanesInFlight: lanesInFlight)
    doubling = RecursiveDoubling(
      segmentLength: max(1, shortLength), lanesInFlight: lanesInFlight, largestGroup: 2)
    direct = Direct(
      segmentLength: segmentLength, lanesInFlight: lanesInFlight, workspaceLength: workspaceLength)
  }

  /// The defaults of ``HalvingDoubling`` and ``Direct``; up to 16 KiB are exchanged whole.
  public init(leaves: Int, elementBytes: Int, segments: Segments = .long, runs: [Range<Int>]? = nil) {
    tree = ReductionTree(leaves: leaves)
    self.runs = runs
    shortLength = (16 << 10) / elementBytes
    halving = HalvingDoubling(elementBytes: elementBytes, segments: segments)
    doubling = RecursiveDoubling(elementBytes: elementBytes, largestGroup: 2, segments: segments)
    direct = Direct(elementBytes: elementBytes, segments: segments)
  }

  /// The subtrees whose sums each rank brings, as ranges of leaves, in the order of its buffers.
  public func partials(size: Int) -> [[Range<Int>]] {
    guard let runs else { return tree.partials(size: size) }
    precondition(
      runs.count == size && runs.allSatisfy { !$0.isEmpty } && runs.flatMap(\.self) == Array(0..<tree.leaves),
      "TreeAllreduce: \(runs) are no runs of \(tree.leaves) leaves for \(size) ranks")
    return tree.partials(of: runs)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    switch way(size, count) {
    case .doubling: return doubling.schedule(size: size, rank: rank, count: count)
    case .halving: return halving.schedule(size: size, rank: rank, count: count)
    case .exchange, .direct:
      var pass = TreePass(
        .both, tree, partials: partials(size: size), lanes: lanes(size, count), rank: rank, count: count,
        inFlight: direct.lanesInFlight)
      return pass.schedule()
    }
  }

  /// With K partial sums in all and k of the rank's own, p elements in its chunk and q in the others': the direct
  /// exchange sends k q + (size - 1) p, receives (K - k) p + q and adds (K - 1) p. Exchanged whole: k (size - 1)
  /// buffers are sent in so many messages, K - k received, K - 1 added, in one round.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    let all = partials(size: size)
    let (ownPartials, partials) = (all[rank].count, all.joined().count)
    switch way(size, count) {
    case .doubling: return doubling.cost(size: size, rank: rank, count: count)
    case .halving: return halving.cost(size: size, rank: rank, count: count)
    case .exchange:
      let messages = ownPartials * (size - 1)
      return ScheduleCost(
        sent: messages * count, received: (partials - ownPartials) * count, added: (partials - 1) * count,
        messages: count == 0 ? 0 : messages, rounds: count == 0 || size == 1 ? 0 : 1)
    case .direct:
      let lanes = chunkLanes(size, count)
      let own = lanes.chunks[rank].count
      var cost = DirectPass.cost(.both, lanes: lanes, size: size, rank: rank)
      let scattered = DirectPass.cost(.reduceScatter, lanes: lanes, size: size, rank: rank)
      cost.sent += (ownPartials - 1) * scattered.sent
      cost.messages += (ownPartials - 1) * scattered.messages
      cost.received += (partials - ownPartials - (size - 1)) * own
      cost.added = (partials - 1) * own
      return cost
    }
  }

  /// The tree itself. Its contributions are those of the leaves.
  public func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)] {
    count == 0 ? [] : [(0..<count, tree.order)]
  }

  public func contract(size: Int, count: Int) -> CollectiveContract {
    CollectiveContract(
      contributors: tree.leaves,
      before: CollectiveContract.partials(partials(size: size), of: tree, count: count),
      result: additionOrders(size: size, count: count), after: Array(repeating: [0..<count], count: size))
  }

  private enum Way { case doubling, halving, exchange, direct }

  private func way(_ size: Int, _ count: Int) -> Way {
    // Powers of two, and no others, cut the tree into one subtree a rank and a tree of pairs over them.
    let areEven = runs == nil || runs == tree.runs(size: size)
    if areEven, size & (size - 1) == 0, tree.leaves & (tree.leaves - 1) == 0 {
      return count <= shortLength ? .doubling : .halving
    }
    return partials(size: size).joined().count * count <= shortLength ? .exchange : .direct
  }

  /// Lanes of chunks, or nil where everything is exchanged whole.
  private func lanes(_ size: Int, _ count: Int) -> ChunkLanes? {
    way(size, count) == .exchange ? nil : chunkLanes(size, count)
  }

  private func chunkLanes(_ size: Int, _ count: Int) -> ChunkLanes {
    direct.lanes(slots: partials(size: size).joined().count, size, count)
  }
}
