import Collectives
import Testing

/// Recursive doubling's schedules, proved without running them on data.
@Suite struct RecursiveDoublingTests {
  @Test(arguments: provedSizes)
  func isProvedForEveryCountAroundTheSize(size: Int) {
    let doubling = RecursiveDoubling(segmentLength: 30, lanesInFlight: 2)
    for count in [0, 1, size - 1, size, size + 1] {
      let report = ScheduleVerifier.verify(doubling, size: size, count: count)
      #expect(report.findings.isEmpty, "size \(size), count \(count)")
    }
  }

  @Test(arguments: provedSizes, [2, 4, 5])
  func isProvedForOtherGroups(size: Int, largestGroup: Int) {
    let doubling = RecursiveDoubling(segmentLength: 5, lanesInFlight: 2, largestGroup: largestGroup)
    #expect(ScheduleVerifier.verify(doubling, size: size, count: 11).findings.isEmpty)
  }

  @Test(arguments: 1...8, [1, 2, 3, 16])
  func isProvedForAnyNumberOfLanesInFlight(size: Int, lanesInFlight: Int) {
    let doubling = RecursiveDoubling(segmentLength: 7, lanesInFlight: lanesInFlight)
    for count in [6, 7, 8, 40, 100] {
      #expect(ScheduleVerifier.verify(doubling, size: size, count: count).findings.isEmpty, "count \(count)")
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8])
  func isProvedAsItRunsByDefault(size: Int) {
    for count in [1_024, 5_003, 1_000_003] {
      let report = ScheduleVerifier.verify(RecursiveDoubling(elementBytes: 4), size: size, count: count)
      #expect(report.findings.isEmpty, "count \(count)")
    }
  }

  @Test func twoRanksTakeOneMessageAndOneAdditionEach() {
    for rank in 0..<2 {
      let schedule = RecursiveDoubling(elementBytes: 4).schedule(size: 2, rank: rank, count: 960)
      #expect(schedule.actions.count == 3)
      #expect(schedule.workspaceCount == 960)
    }
  }

  @Test func buffersThatAreALittleLongerAreCutForEagerMessages() {
    for elementBytes in [2, 4, 8] {
      let doubling = RecursiveDoubling(elementBytes: elementBytes)
      for bytes in stride(from: 8, through: 30_720, by: 8) {
        for action in doubling.schedule(size: 2, rank: 0, count: bytes / elementBytes).actions {
          if case .send(let block, _) = action { #expect(block.count * elementBytes <= 3_840) }
        }
      }
      #expect(doubling.schedule(size: 2, rank: 0, count: 30_722 / elementBytes + 1).actions.count == 3)
    }
  }

  @Test(arguments: zip([2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 64], [1, 1, 2, 3, 2, 3, 3, 2, 3, 4, 5, 6]))
  func takesAsManyRoundsAsItsEssaySays(size: Int, rounds: Int) {
    let report = ScheduleVerifier.verify(RecursiveDoubling(elementBytes: 4), size: size, count: 100)
    #expect(report.costs.map(\.rounds).max() == rounds)
  }

  @Test(arguments: [1, 2, 4, 8, 16, 32, 64])
  func powersOfTwoAddInTheOrderOfTheTree(size: Int) {
    let doubling = RecursiveDoubling(segmentLength: 100, lanesInFlight: 1, largestGroup: 2)
    #expect(doubling.additionOrders(size: size, count: 7)[0].order == ReductionTree(leaves: size).order)
  }

  @Test func shortBuffersAreCutForEagerMessagesWithinAHostOnly() {
    for (segments, lanes) in [(Segments.long, 2), (.eager, 1)] {
      let algorithm = RecursiveDoubling(elementBytes: 4, segments: segments)
      #expect(algorithm.cost(size: 4, rank: 0, count: 1_024).messages == 2 * lanes)
      #expect(ScheduleVerifier.verify(algorithm, size: 4, count: 1_024).findings.isEmpty)
    }
  }
}
