extension ReductionTree {
  /// The tree as a program for a stack: sums of subtrees are pushed in ascending order, and after each the two newest sums are added so
  /// many times. At the end one is left.
  ///
  /// - Parameters:
  ///   - partials: subtrees that together are the whole of it, in ascending order.
  ///   - root: the subtree that is summed; nil for the whole tree.
  package func merges(of partials: [Range<Int>], in root: Range<Int>? = nil) -> [UInt8] {
    var merges = [UInt8](repeating: 0, count: partials.count)
    var pushed = 0
    func visit(_ subtree: Range<Int>) {
      if partials[pushed] == subtree {
        pushed += 1
      } else {
        let (left, right) = children(of: subtree)
        visit(left)
        visit(right)
        merges[pushed - 1] += 1
      }
    }
    visit(root ?? 0..<leaves)
    return merges
  }

  /// The same where every leaf is pushed.
  package var merges: [UInt8] { merges(of: (0..<leaves).map { $0..<$0 + 1 }) }
}
