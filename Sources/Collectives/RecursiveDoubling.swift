/// Recursive doubling: in every round ranks exchange all they have, and each adds all of it.
///
/// **Words.** Some ranks are *active*: as many as the largest number up to `size` that is a product of *radices*
/// up to `largestGroup`, 2 and 3 by default. The few others are *passive*. In round i the active ranks stand in
/// *groups* of as many ranks as radix i says (``RankGroups``). The buffer is cut into *lanes*, which follow each
/// other as in a pipeline; a buffer up to `segmentLength` is one lane, unless it is better cut for `eagerLength`.
///
/// **Steps of a lane.** A passive rank sends its elements to its neighbour below, which adds them. In each round
/// every active rank sends its sum so far to the others of its group, and adds theirs in the order of the group,
/// itself in its place among them. So all of a group compute the same tree of additions and have the same bits,
/// and after the last round all active ranks have the result. The passive ranks get it from their neighbours.
///
/// ```
/// size 5         fold        groups of 2            groups of 2           unfold
/// 0 + 1       1 sends to 0   (0 1) + 2   3 + 4    all: ((0 1) 2) (3 4)   0 sends to 1
/// ```
///
/// **Cost.** With radices f(i) an active rank sends, receives and adds sum (f(i) - 1) times the buffer, in so
/// many messages: for 2^k ranks k times the buffer in k rounds. A passive rank sends and receives the buffer
/// once, its neighbour receives, adds and sends it once more; that is a round before and a round after. Radix 3
/// is why few sizes have passive ranks, and those few of them: 3 ranks take one round and two messages a rank,
/// where folding into 2 takes three rounds; 6 take two instead of four. There are algorithms with ceil(log2 size) rounds for every size (Bruck
/// and Ho, 1993), but in them each rank starts its sum with itself: no two ranks get the same bits.
///
/// **When it wins.** Small buffers, where the number of rounds is what counts. With 2 ranks it is one message
/// and one addition a rank, all that an allreduce can do in one round. For large buffers it sends too much.
///
/// **Eager messages.** MPI sends short messages without asking whether they are expected; longer ones wait for an
/// answer, which costs more than a second short message. Within a host the limit of Open MPI is 4 KiB, its header
/// included, so buffers up to eight times `eagerLength` are cut into lanes that stay below it. Measured on two
/// cores with 2 ranks, in microseconds, with one lane and as it is: 4 KiB 6.5 and 2.8, 8 KiB 9.1 and 5.1, 16 KiB
/// 14 and 11, 32 KiB 24 and 23. Over TCP the limit is 64 KiB; between hosts short buffers are not cut, since more messages would only
/// cost more.
///
/// Sources: Thakur, Rabenseifner and Gropp, "Optimization of collective communication operations in MPICH", Int.
/// J. High Perform. Comput. Appl. 19 (2005) 49-66; groups of more than two: Ruefenacht, Bull and Booth,
/// "Generalisation of recursive doubling for AllReduce", Parallel Computing 69 (2017) 24-44.
public struct RecursiveDoubling: ScheduledAllreduce {
  public let name = Algorithm.recursiveDoubling.rawValue
  /// Elements of a lane, at most (a grain more where the buffer does not divide evenly).
  public let segmentLength: Int
  /// Lanes that are under way at a time, at most.
  public let lanesInFlight: Int
  /// Ranks that exchange in a round, at most.
  public let largestGroup: Int
  /// Elements that MPI sends without asking; 0 when nobody cares.
  public let eagerLength: Int

  /// Lanes so short that their messages are eager, at most; longer buffers are cut into segments.
  private static let eagerLanes = 8

  public init(segmentLength: Int, lanesInFlight: Int, largestGroup: Int = 3, eagerLength: Int = 0) {
    precondition(segmentLength > 0 && lanesInFlight > 0 && largestGroup > 1 && eagerLength >= 0)
    self.eagerLength = eagerLength
    self.segmentLength = segmentLength
    self.lanesInFlight = lanesInFlight
    self.largestGroup = largestGroup
  }

  /// With segments of 512 KiB, four lanes in flight, groups of up to three ranks unless another number is given; or with
  /// other ``Segments``. Eager ones are for messages between hosts: then short buffers are not cut for those within one.
  ///
  /// - Parameter wireBytes: bytes of an element on the wire, when they are fewer.
  public init(
    elementBytes: Int, largestGroup: Int = 3, segments: Segments = .long, wireBytes: Int? = nil
  ) {
    self.init(
      segmentLength: segments.length(elementBytes: elementBytes, wireBytes: wireBytes),
      lanesInFlight: segments.inFlight(long: 4), largestGroup: largestGroup,
      eagerLength: segments == .eager ? 0 : 3_840 / elementBytes)
  }

  public func schedule(size: Int, rank: Int, count: Int) -> Schedule {
    var pass = RecursiveDoublingPass(
      groups: groups(size), lanes: lanes(count), rank: rank, count: count, inFlight: lanesInFlight)
    return pass.schedule()
  }

  /// With k radices f(i), a lane takes sum (f(i) - 1) messages of an active rank, one more where it has a passive
  /// neighbour, and one of a passive rank. The longest way to an active rank's result is k messages, or one more
  /// where some rank with a passive neighbour is elsewhere in its group in every round; to a passive one's, one
  /// more than to its neighbour's.
  public func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
    guard size > 1, count > 0 else { return ScheduleCost() }
    let groups = groups(size)
    let lanes = lanes(count).filledParts
    guard let number = groups.number(of: rank) else {
      let neighbour = cost(size: size, rank: rank - 1, count: count)
      return ScheduleCost(
        sent: count, received: count, added: 0, messages: lanes, rounds: neighbour.rounds + 1)
    }
    let sums = groups.radices.reduce(0) { $0 + $1 - 1 } + (groups.isPaired(rank) ? 1 : 0)
    let fromPassive = (0..<groups.surplus).map { 1 + groups.distance($0, number) }.max() ?? 0
    return ScheduleCost(
      sent: sums * count, received: sums * count, added: sums * count, messages: sums * lanes,
      rounds: max(groups.radices.count, fromPassive))
  }

  public func symmetry(size: Int, count: Int) -> RankSymmetry? {
    let groups = groups(size)
    return groups.surplus == 0 && groups.radices.allSatisfy { $0 == 2 } ? .exclusiveOr : nil
  }

  public func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)] {
    guard count > 0 else { return [] }
    let groups = groups(size)
    var orders = (0..<groups.active).map { number in
      let rank = groups.rank(numbered: number)
      return AdditionOrder.chain(groups.isPaired(rank) ? [rank, rank + 1] : [rank])
    }
    // The groups of a round follow each other, since earlier digits are summed up already.
    for radix in groups.radices {
      orders = stride(from: 0, to: orders.count, by: radix).map { first in
        orders[first + 1..<first + radix].reduce(orders[first]) { .sum($0, $1) }
      }
    }
    return [(0..<count, orders[0])]
  }

  private func groups(_ size: Int) -> RankGroups { RankGroups(size: size, largestGroup: largestGroup) }

  private func lanes(_ count: Int) -> Partition {
    let isShort = count <= Self.eagerLanes * eagerLength
    return Partition(0..<count, upTo: isShort ? max(1, eagerLength) : segmentLength)
  }
}
