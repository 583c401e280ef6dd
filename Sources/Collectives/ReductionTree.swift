/// The one tree in which the contributions of `leaves` leaves are added, however many ranks hold them.
///
/// A leaf is a microbatch of a step. The tree over `count` leaves from `first` on is the leaf itself where count
/// is 1; else, with p the largest power of two below count, the tree over the first p of them plus the tree over
/// the others. So its subtrees are blocks of 2^k leaves that begin at multiples of 2^k, but for those at the end,
/// which may be shorter.
///
/// ```
/// 7 leaves    ((0 + 1) + (2 + 3)) + ((4 + 5) + 6)
/// ```
///
/// A rank that holds a run of leaves can add them up only where a subtree lies inside its run. What it is left
/// with, a partial sum for each of the largest such subtrees, at most about 2 log2(leaves) of them, is what
/// ``TreeAllreduce`` adds over the ranks. The result is the same, to the bit, for any division into runs.
public struct ReductionTree: Sendable, Equatable {
  public let leaves: Int

  /// A tree over at least one leaf.
  public init(leaves: Int) {
    precondition(leaves > 0, "a reduction tree needs at least one leaf, not \(leaves)")
    self.leaves = leaves
  }

  /// The leaves of one of `size` ranks: a run as long as any other or one leaf shorter.
  public func run(ofRank rank: Int, size: Int) -> Range<Int> {
    precondition(0 <= rank && rank < size, "there is no rank \(rank) among \(size)")
    precondition(size <= leaves, "\(size) ranks, but only \(leaves) leaves: each rank needs one")
    return rank * leaves / size..<(rank + 1) * leaves / size
  }

  /// The leaves of each of `size` ranks.
  public func runs(size: Int) -> [Range<Int>] { (0..<size).map { run(ofRank: $0, size: size) } }

  /// The largest subtrees that lie inside a run, each as its range of leaves, in ascending order.
  public func partials(of run: Range<Int>) -> [Range<Int>] {
    var partials: [Range<Int>] = []
    func visit(_ subtree: Range<Int>) {
      if run.contains(subtree) {
        partials.append(subtree)
      } else if run.overlaps(subtree) {
        let (left, right) = children(of: subtree)
        visit(left)
        visit(right)
      }
    }
    visit(0..<leaves)
    return partials
  }

  /// The subtrees whose sums ranks with these runs are left with, in the order of the ranks.
  public func partials(of runs: [Range<Int>]) -> [[Range<Int>]] { runs.map { partials(of: $0) } }

  /// The same for `size` ranks with runs of their own.
  public func partials(size: Int) -> [[Range<Int>]] { partials(of: runs(size: size)) }

  /// How many sums can be taken once the sum over `leaf` is in, when the leaves of `run` come in ascending order:
  /// each adds the two latest partial sums, the earlier one on the left. As in a binary counter, what remains at
  /// the end are the ``partials(of:)``.
  public func sums(after leaf: Int, in run: Range<Int>) -> Int {
    precondition(run.contains(leaf) && run.upperBound <= leaves)
    // One for each subtree inside the run that ends with the leaf, but for the leaf itself.
    var subtree = 0..<leaves
    while true {
      if subtree.upperBound == leaf + 1, run.contains(subtree) { break }
      let (left, right) = children(of: subtree)
      subtree = left.contains(leaf) ? left : right
    }
    var sums = 0
    while subtree.count > 1 {
      subtree = children(of: subtree).right
      sums += 1
    }
    return sums
  }

  /// The subtrees whose sums lie on the counter's stack when the last leaf of `run` has been added to what it is the right sibling of, and
  /// nothing else since: what a rank brings to a sum that reads all of them at once. Together they are the run, in ascending order.
  public func unfolded(of run: Range<Int>) -> [Range<Int>] {
    var stack: [Range<Int>] = []
    for leaf in run {
      stack.append(leaf..<leaf + 1)
      let sums = sums(after: leaf, in: run)
      for _ in 0..<(leaf == run.upperBound - 1 ? min(1, sums) : sums) {
        let right = stack.removeLast()
        stack[stack.count - 1] = stack[stack.count - 1].lowerBound..<right.upperBound
      }
    }
    return stack
  }

  /// The most partial sums that the counter's stack holds while the leaves of `run` come in: how many buffers they take, where a leaf that
  /// is a right child is added as it comes to what is there.
  public func depth(of run: Range<Int>) -> Int {
    var (depth, most) = (0, 0)
    for leaf in run {
      depth += 1
      let sums = sums(after: leaf, in: run)
      most = max(most, sums == 0 ? depth : depth - 1)
      depth -= sums
    }
    return most
  }

  /// The tree itself, its contributions being leaves.
  public var order: AdditionOrder { order(of: 0..<leaves) }

  /// The order of additions in one subtree.
  public func order(of subtree: Range<Int>) -> AdditionOrder {
    guard subtree.count > 1 else { return .contribution(of: subtree.lowerBound) }
    let (left, right) = children(of: subtree)
    return .sum(order(of: left), order(of: right))
  }

  /// The two subtrees of a subtree with more than one leaf.
  public func children(of subtree: Range<Int>) -> (left: Range<Int>, right: Range<Int>) {
    precondition(subtree.count > 1, "a leaf has no children")
    // The largest power of two below the count.
    let middle = subtree.lowerBound + (1 << (Int.bitWidth - 1 - (subtree.count - 1).leadingZeroBitCount))
    return (subtree.lowerBound..<middle, middle..<subtree.upperBound)
  }
}
