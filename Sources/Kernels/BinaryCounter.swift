/// The balanced binary tree that sums are taken in, as a program for a stack: leaves are pushed in ascending order, and after each the
/// two newest sums are added so many times.
///
/// The tree over n leaves is the tree over the first p and the tree over the rest, p being the largest power of two below n. With the
/// first k leaves pushed, the sums on the stack are those of the ones in k's binary digits: a counter.
package enum BinaryCounter {
  /// For each of `leaves` leaves how often the two newest sums are added after it; at the end one sum is left.
  package static func merges(leaves: Int) -> [UInt8] {
    precondition(leaves > 0, "BinaryCounter: expected at least one leaf")
    return (1...leaves).map { pushed in
      // Complete pairs of subtrees of equal size are added at once, what is left over at the end.
      UInt8(pushed < leaves ? pushed.trailingZeroBitCount : (pushed - 1).nonzeroBitCount)
    }
  }
}
