import Collectives
import Testing

@Suite struct ReductionTreeTests {
  @Test func isSplitAtTheLargestPowerOfTwoBelowItsLeaves() {
    let texts = (1...7).map { ReductionTree(leaves: $0).order.description }
    #expect(
      texts == [
        "0", "0 + 1", "(0 + 1) + 2", "(0 + 1) + (2 + 3)", "((0 + 1) + (2 + 3)) + 4",
        "((0 + 1) + (2 + 3)) + (4 + 5)", "((0 + 1) + (2 + 3)) + ((4 + 5) + 6)",
      ])
  }

  @Test(arguments: [1, 2, 3, 5, 8, 12, 13, 64, 100])
  func runsCoverTheLeavesAndAreEven(leaves: Int) {
    let tree = ReductionTree(leaves: leaves)
    for size in 1...leaves {
      var end = 0
      for rank in 0..<size {
        let run = tree.run(ofRank: rank, size: size)
        #expect(run.lowerBound == end)
        #expect(run.count == leaves / size || run.count == leaves / size + 1)
        end = run.upperBound
      }
      #expect(end == leaves)
    }
  }

  @Test(arguments: [1, 2, 3, 6, 7, 8, 13, 16, 31, 64])
  func partialsAreTheFewestSubtreesThatCoverARun(leaves: Int) {
    let tree = ReductionTree(leaves: leaves)
    // All subtrees, found from above.
    var subtrees: [Range<Int>] = []
    var open = [0..<leaves]
    while let subtree = open.popLast() {
      subtrees.append(subtree)
      guard subtree.count > 1 else { continue }
      let (left, right) = tree.children(of: subtree)
      open += [left, right]
    }
    for first in 0..<leaves {
      for end in first + 1...leaves {
        let partials = tree.partials(of: first..<end)
        #expect(partials.reduce(first) { $0 == $1.lowerBound ? $1.upperBound : -1 } == end)
        let largest = partials.allSatisfy { partial in
          subtrees.contains(partial)
            && !subtrees.contains {
              $0 != partial && $0.contains(partial) && (first..<end).contains($0)
            }
        }
        #expect(largest, "\(first)..<\(end): \(partials)")
      }
    }
  }

  @Test(arguments: [1, 2, 3, 6, 7, 8, 13, 16, 31, 64])
  func aBinaryCounterEndsWithThePartials(leaves: Int) {
    let tree = ReductionTree(leaves: leaves)
    for first in 0..<leaves {
      for end in first + 1...leaves {
        var stack: [AdditionOrder] = []
        for leaf in first..<end {
          stack.append(.contribution(of: leaf))
          for _ in 0..<tree.sums(after: leaf, in: first..<end) {
            let right = stack.removeLast()
            stack.append(.sum(stack.removeLast(), right))
          }
        }
        #expect(stack == tree.partials(of: first..<end).map(tree.order(of:)))
      }
    }
  }
}
