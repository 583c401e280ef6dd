/// What a collective promises: what the ranks' memories hold before it, and what they must hold after it.
///
/// The result lies where the elements of the buffers do, in the first `count` elements of a rank's memory. What
/// is not named may hold anything, before (nobody may read it) and after.
public struct CollectiveContract: Sendable {
  /// Contributions that there are to an element, at most: one of each rank, or of each leaf of a
  /// ``ReductionTree``.
  public let contributors: Int
  /// What each rank's memory holds before.
  public let before: [[Holding]]
  /// What each element of the result is: ranges that cover it in ascending order.
  public let result: [(range: Range<Int>, order: AdditionOrder)]
  /// The elements of the result that each rank must have after.
  public let after: [[Range<Int>]]

  /// Elements of a memory and what they hold.
  public struct Holding: Sendable {
    /// The elements of the memory.
    public let range: Range<Int>
    /// Which element of the buffers the first of them is.
    public let firstElement: Int
    /// Whose contributions to it they are the sum of, a single one to begin with.
    public let order: AdditionOrder

    /// Elements of the first buffer, unless another first element is given.
    public init(range: Range<Int>, firstElement: Int? = nil, order: AdditionOrder) {
      self.range = range
      self.firstElement = firstElement ?? range.lowerBound
      self.order = order
    }
  }

  public init(
    contributors: Int, before: [[Holding]], result: [(range: Range<Int>, order: AdditionOrder)],
    after: [[Range<Int>]]
  ) {
    self.contributors = contributors
    self.before = before
    self.result = result
    self.after = after
  }
}

extension CollectiveContract {
  /// Every rank brings a buffer, and rank r gets chunk r of the sum.
  static func reduceScatter(
    size: Int, count: Int, grain: Int? = nil, orders: [(range: Range<Int>, order: AdditionOrder)]
  ) -> CollectiveContract {
    let chunks = Partition(0..<count, into: size, grain: grain)
    return CollectiveContract(
      contributors: size,
      before: (0..<size).map { [Holding(range: 0..<count, order: .contribution(of: $0))] }, result: orders,
      after: (0..<size).map { [chunks[$0]] })
  }

  /// Rank r brings chunk r, and every rank gets all chunks.
  static func allgather(size: Int, count: Int, grain: Int? = nil) -> CollectiveContract {
    let chunks = Partition(0..<count, into: size, grain: grain)
    return CollectiveContract(
      contributors: size,
      before: (0..<size).map { [Holding(range: chunks[$0], order: .contribution(of: $0))] },
      result: (0..<size).map { (chunks[$0], .contribution(of: $0)) },
      after: Array(repeating: [0..<count], count: size))
  }

  /// What ranks bring to a sum in the order of a tree: a buffer of `count` elements for each of their partial sums, one after the other.
  static func partials(_ all: [[Range<Int>]], of tree: ReductionTree, count: Int) -> [[Holding]] {
    all.map { partials in
      partials.enumerated().map { place, partial in
        Holding(range: place * count..<(place + 1) * count, firstElement: 0, order: tree.order(of: partial))
      }
    }
  }

  /// The root brings a buffer, and every rank gets it.
  static func broadcast(size: Int, root: Int, count: Int) -> CollectiveContract {
    let buffer = Holding(range: 0..<count, order: .contribution(of: root))
    return CollectiveContract(
      contributors: size, before: (0..<size).map { $0 == root ? [buffer] : [] },
      result: [(0..<count, .contribution(of: root))], after: Array(repeating: [0..<count], count: size))
  }
}
