/// What the ranks' buffers hold after a symbolic run.
struct ResultCheck {
  let memories: [IntervalMap<SymbolicRun.Value>]
  /// Elements of the result.
  let count: Int
  let sums: SumTable

  /// What is wrong with the results of an allreduce.
  ///
  /// - Parameter stated: the order of additions to expect, for ranges that cover the result.
  func findings(stated: [(range: Range<Int>, order: AdditionOrder)]) -> [Finding] {
    var findings: [Finding] = []
    for rank in memories.indices {
      memories[rank].forEach(in: 0..<count) { elements, value in
        if value.sum == SumTable.undefined {
          findings.append(.undefinedResult(rank: rank, elements: elements))
        } else if value.shift != 0 {
          findings.append(.misplacedResult(rank: rank, elements: elements))
        } else if let contributor = sums.repeatedContributor(in: value.sum) {
          findings.append(.repeatedContribution(of: contributor, rank: rank, elements: elements))
        } else if let contributor = sums.missingContributor(in: value.sum) {
          findings.append(.missingContribution(of: contributor, rank: rank, elements: elements))
        }
      }
    }
    // The order of additions says nothing more about a sum that is wrong.
    guard findings.isEmpty else { return findings }
    var expressions = sums
    for rank in memories.indices.dropFirst() {
      memories[rank].forEach(in: 0..<count) { elements, value in
        memories[0].forEach(in: elements) { elements, first in
          guard value.sum != first.sum else { return }
          guard expressions.exact(value.sum) != expressions.exact(first.sum) else {
            findings.append(.roundingDiffers(rank: rank, elements: elements))
            return
          }
          findings.append(
            .orderDiffers(
              rank: rank, elements: elements, order: sums.order(of: value.sum),
              onRankZero: sums.order(of: first.sum)))
        }
      }
    }
    return findings + unstated(stated)
  }

  /// The longest way of a contribution to the rank's result, in messages.
  func rounds(ofRank rank: Int) -> Int {
    var rounds: Int32 = 0
    memories[rank].forEach(in: 0..<count) { _, value in rounds = max(rounds, value.rounds) }
    return Int(rounds)
  }

  /// Where rank 0 adds in another order than stated.
  private func unstated(_ stated: [(range: Range<Int>, order: AdditionOrder)]) -> [Finding] {
    precondition(
      stated.reduce(0) { $0 == $1.range.lowerBound ? $1.range.upperBound : -1 } == count,
      "the stated orders do not cover the result")
    var findings: [Finding] = []
    // Numbers new orders as it goes; equal trees still have equal numbers.
    var sums = sums
    for (range, order) in stated {
      let expected = sums.number(of: order)
      memories[0].forEach(in: range) { elements, value in
        guard value.sum != expected, sums.exact(value.sum) != expected else { return }
        findings.append(.unstatedOrder(elements: elements, order: sums.order(of: value.sum), stated: order))
      }
    }
    return findings
  }
}
