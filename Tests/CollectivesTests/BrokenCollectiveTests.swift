import Collectives
import Testing

/// The verifier has to find what is wrong with other collectives than the allreduce, too.
@Suite struct BrokenCollectiveTests {
  /// Small cases of everything, each with its number of ranks and elements.
  static let cases: [(collective: any ScheduledCollective, size: Int, count: Int)] = [
    (RingReduceScatter(Ring(segmentLength: 2, lanesInFlight: 2)), 4, 24),
    (DirectReduceScatter(Direct(segmentLength: 3, lanesInFlight: 1)), 3, 18),
    (RingAllgather(Ring(segmentLength: 2, lanesInFlight: 2)), 4, 24),
    (DirectAllgather(Direct(segmentLength: 3, lanesInFlight: 1)), 3, 18),
    (BinomialBroadcast(root: 1, segmentLength: 4), 5, 12),
    (ChainBroadcast(root: 2, segmentLength: 4), 4, 12),
    (RecursiveDoubling(segmentLength: 4, lanesInFlight: 2), 5, 12),
    (RecursiveDoubling(segmentLength: 4, lanesInFlight: 2), 6, 8),
    (HalvingDoubling(laneLength: 12, lanesInFlight: 2), 4, 24),
    (HalvingDoubling(laneLength: 15, lanesInFlight: 2), 5, 30),
    (Direct(segmentLength: 2, lanesInFlight: 2), 4, 24),
    (Linear(segmentLength: 4, lanesInFlight: 2), 4, 12),
    // In pairs, by a direct exchange, and exchanged whole.
    (tree(leaves: 8, shortLength: 0), 4, 24),
    (tree(leaves: 7, shortLength: 0), 3, 18),
    (tree(leaves: 7, shortLength: 1_000), 3, 6),
  ]

  static func tree(leaves: Int, shortLength: Int) -> TreeAllreduce {
    TreeAllreduce(
      leaves: leaves, shortLength: shortLength, segmentLength: 3, laneLength: 12, lanesInFlight: 2)
  }

  static func drafts(_ index: Int) -> [Draft] {
    let (collective, size, count) = cases[index]
    return (0..<size).map { Draft(collective.schedule(size: size, rank: $0, count: count)) }
  }

  static func findings(_ drafts: [Draft], _ index: Int) -> [Finding] {
    ScheduleVerifier.verify(drafts.map(\.schedule), as: cases[index].collective).findings
  }

  @Test(arguments: cases.indices)
  func theUnchangedSchedulesHaveNoFindings(index: Int) {
    #expect(Self.findings(Self.drafts(index), index).isEmpty)
  }

  @Test(arguments: cases.indices)
  func anyOneActionLeftOutOrMovedOrDoubled(index: Int) {
    let drafts = Self.drafts(index)
    for rank in drafts.indices {
      for action in drafts[rank].steps.indices {
        let place = "\(Self.cases[index].collective.name), rank \(rank), action \(action)"
        var without = drafts
        without[rank].remove(action)
        #expect(!Self.findings(without, index).isEmpty, "\(place) left out")
        var moved = drafts
        moved[rank].shift(action, by: 1)
        #expect(!Self.findings(moved, index).isEmpty, "\(place) moved")
        var doubled = drafts
        doubled[rank].double(action)
        #expect(!Self.findings(doubled, index).isEmpty, "\(place) doubled")
      }
    }
  }

  /// A dependency too many would make a rank wait for nothing.
  @Test(arguments: cases.indices)
  func anyOneDependencyLeftOutIsFound(index: Int) {
    let drafts = Self.drafts(index)
    for rank in drafts.indices {
      for action in drafts[rank].steps.indices {
        for place in drafts[rank].steps[action].dependencies.indices {
          var changed = drafts
          changed[rank].steps[action].dependencies.remove(at: place)
          #expect(
            !Self.findings(changed, index).isEmpty,
            "\(Self.cases[index].collective.name), rank \(rank), action \(action), dependency \(place)")
        }
      }
    }
  }

  @Test func anAdditionOnTheWrongSideOfTheTree() {
    let tree = Self.tree(leaves: 7, shortLength: 0)
    var drafts = (0..<3).map { Draft(tree.schedule(size: 3, rank: $0, count: 18)) }
    let sum = drafts[1].last(of: .combine)
    guard case .combine(let operand, let side, let block) = drafts[1].steps[sum].action else { return }
    drafts[1].steps[sum].action = .combine(operand: operand, side == .left ? .right : .left, into: block)
    let found = ScheduleVerifier.verify(drafts.map(\.schedule), as: tree).findings
    #expect(found.contains { if case .unstatedOrder = $0 { true } else { false } })
  }

  @Test func aPartialSumInTheWrongBuffer() {
    // Rank 1 of 3 brings leaves 2..<4 and leaf 4 of 8: it exchanges them.
    let tree = Self.tree(leaves: 8, shortLength: 0)
    var drafts = (0..<3).map { Draft(tree.schedule(size: 3, rank: $0, count: 18)) }
    for step in drafts[1].steps.indices {
      if case .send(let block, let peer) = drafts[1].steps[step].action, block.range.lowerBound >= 18 {
        let other = block.range.lowerBound - 18..<block.range.upperBound - 18
        drafts[1].steps[step].action = .send(Block(other), to: peer)
      }
    }
    #expect(!ScheduleVerifier.verify(drafts.map(\.schedule), as: tree).findings.isEmpty)
  }

  @Test func aBlockAcrossTwoPartialSums() {
    let tree = Self.tree(leaves: 8, shortLength: 0)
    var drafts = (0..<3).map { Draft(tree.schedule(size: 3, rank: $0, count: 18)) }
    let send = drafts[1].first(of: .send)
    drafts[1].steps[send].action = .send(Block(15..<21), to: 2)
    let found = ScheduleVerifier.verify(drafts.map(\.schedule), as: tree).findings
    #expect(found == [.outOfBounds(drafts[1].schedule.place(send))])
  }

  @Test func anAllgatherThatForwardsWhatItHasNot() {
    let ring = RingAllgather(Ring(segmentLength: 10, lanesInFlight: 1))
    var drafts = (0..<4).map { Draft(ring.schedule(size: 4, rank: $0, count: 24)) }
    // The first send of rank 2, of its own chunk, sends another one.
    let send = drafts[2].first(of: .send)
    drafts[2].shift(send, by: -6)
    let found = ScheduleVerifier.verify(drafts.map(\.schedule), as: ring).findings
    #expect(found.contains { if case .race(_, let later, _) = $0 { later.rank == 2 } else { false } })
  }

  @Test func aBroadcastThatIsNotSentOn() {
    let chain = ChainBroadcast(root: 0, segmentLength: 10)
    var drafts = (0..<3).map { Draft(chain.schedule(size: 3, rank: $0, count: 4)) }
    drafts[1].remove(drafts[1].last(of: .send))
    drafts[2].remove(drafts[2].last(of: .receive))
    let found = ScheduleVerifier.verify(drafts.map(\.schedule), as: chain).findings
    #expect(found.contains(.undefinedResult(rank: 2, elements: 0..<4)))
  }
}
