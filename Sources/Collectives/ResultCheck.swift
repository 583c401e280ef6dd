/// What the ranks' buffers hold after a symbolic run.
struct ResultCheck {
  let memories: [IntervalMap<SymbolicRun.Value>]
  let contract: CollectiveContract
  /// Elements of the result.
  let count: Int
  let sums: SumTable

  /// What is wrong with the results, by what the contract says.
  func findings() -> [Finding] {
    precondition(
      contract.result.reduce(0) { $0 == $1.range.lowerBound ? $1.range.upperBound : -1 } == count,
      "the stated orders do not cover the result")
    // Numbers new orders as it goes; equal trees still have equal numbers.
    var sums = sums
    let stated = contract.result.map { (range: $0.range, order: $0.order, number: sums.number(of: $0.order)) }
    var findings: [Finding] = []
    for rank in memories.indices {
      for range in contract.after[rank] {
        for (elements, _, number) in stated where elements.overlaps(range) {
          memories[rank].forEach(in: elements.clamped(to: range)) { elements, value in
            if let finding = wrongSum(value, rank, elements, expected: number, sums) {
              findings.append(finding)
            }
          }
        }
      }
    }
    // The order of additions says nothing more about a sum that is wrong.
    guard findings.isEmpty else { return findings }
    for rank in memories.indices {
      // Ranks that must have the same elements must have the same bits.
      if rank > 0, contract.after[rank] == contract.after[0] {
        findings += differences(rank, &sums)
      } else {
        for (elements, order, number) in stated {
          findings += unstated(rank, elements, order, number, &sums)
        }
      }
    }
    return findings
  }

  /// The longest way of a contribution to the rank's result, in messages.
  func rounds(ofRank rank: Int) -> Int {
    var rounds: Int32 = 0
    for range in contract.after[rank] {
      memories[rank].forEach(in: range) { _, value in rounds = max(rounds, value.rounds) }
    }
    return Int(rounds)
  }

  private func wrongSum(
    _ value: SymbolicRun.Value, _ rank: Int, _ elements: Range<Int>, expected: Int32, _ sums: SumTable
  ) -> Finding? {
    if value.sum == SumTable.undefined {
      .undefinedResult(rank: rank, elements: elements)
    } else if value.shift != 0 {
      .misplacedResult(rank: rank, elements: elements)
    } else if let contributor = sums.repeatedContributor(in: value.sum) {
      .repeatedContribution(of: contributor, rank: rank, elements: elements)
    } else if let contributor = sums.missingContributor(in: value.sum, of: expected) {
      .missingContribution(of: contributor, rank: rank, elements: elements)
    } else {
      nil
    }
  }

  /// Where a rank's bits may differ from those of rank 0.
  private func differences(_ rank: Int, _ sums: inout SumTable) -> [Finding] {
    var pairs: [(elements: Range<Int>, sum: Int32, first: Int32)] = []
    for range in contract.after[rank] {
      memories[rank].forEach(in: range) { elements, value in
        memories[0].forEach(in: elements) { elements, first in
          if value.sum != first.sum { pairs.append((elements, value.sum, first.sum)) }
        }
      }
    }
    return pairs.map { elements, sum, first in
      if sums.exact(sum) == sums.exact(first) {
        return .roundingDiffers(rank: rank, elements: elements)
      }
      return .orderDiffers(
        rank: rank, elements: elements, order: sums.order(of: sum), onRankZero: sums.order(of: first))
    }
  }

  /// Where a rank adds in another order than stated.
  private func unstated(
    _ rank: Int, _ elements: Range<Int>, _ order: AdditionOrder, _ number: Int32, _ sums: inout SumTable
  ) -> [Finding] {
    var different: [(elements: Range<Int>, sum: Int32)] = []
    for range in contract.after[rank] where range.overlaps(elements) {
      memories[rank].forEach(in: elements.clamped(to: range)) { elements, value in
        if value.sum != number { different.append((elements, value.sum)) }
      }
    }
    return different.compactMap { elements, sum in
      sums.exact(sum) == number
        ? nil : .unstatedOrder(elements: elements, order: sums.order(of: sum), stated: order)
    }
  }
}
