import Collectives
import Testing

/// The ring's schedules, proved without running them on data.
@Suite struct RingScheduleTests {
  @Test(arguments: provedSizes)
  func isProvedForEveryCountAroundTheSize(size: Int) {
    let ring = Ring(segmentLength: 2, lanesInFlight: 2)
    for count in [0, 1, size - 1, size, size + 1, 3 * size + 2] {
      let report = ScheduleVerifier.verify(ring, size: size, count: count)
      #expect(report.findings.isEmpty, "size \(size), count \(count)")
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 31, 33, 64])
  func isProvedForSegmentsOfManyElements(size: Int) {
    // Two lanes and a bit, cut at cache lines.
    let report = ScheduleVerifier.verify(
      Ring(segmentLength: 256, lanesInFlight: 2), size: size, count: 600 * size + 5)
    #expect(report.findings.isEmpty)
  }

  @Test(arguments: 1...8, [1, 2, 3, 4, 5, 16])
  func isProvedForAnyNumberOfLanesInFlight(size: Int, lanesInFlight: Int) {
    let ring = Ring(segmentLength: 2, lanesInFlight: lanesInFlight)
    for count in [0, 1, 7, 40, 100] {
      let report = ScheduleVerifier.verify(ring, size: size, count: count)
      #expect(report.findings.isEmpty, "size \(size), count \(count), \(lanesInFlight) lanes")
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 8])
  func isProvedAsItRunsByDefault(size: Int) throws {
    for elementBytes in [4, 8] {
      let ring = try #require(Algorithm.ring.scheduled(elementBytes: elementBytes))
      for count in [1_000, 1_000_003, 16 << 20] {
        #expect(ScheduleVerifier.verify(ring, size: size, count: count).findings.isEmpty)
      }
    }
  }

  @Test(arguments: [2, 3, 4, 8, 64])
  func sendsTheLeastThatAnAllreduceCan(size: Int) {
    let count = 1_024 * size
    let report = ScheduleVerifier.verify(Ring(segmentLength: 100, lanesInFlight: 4), size: size, count: count)
    for cost in report.costs {
      #expect(cost.sent == 2 * (size - 1) * count / size)
      #expect(cost.received == cost.sent)
      #expect(cost.added == (size - 1) * count / size)
      #expect(cost.rounds == 2 * (size - 1))
    }
    #expect(report.costs.count == size)
  }

  @Test func segmentsAreNoLongerThanAskedFor() {
    let ring = Ring(segmentLength: 100, lanesInFlight: 4)
    for action in ring.schedule(size: 3, rank: 1, count: 5_000).actions {
      if case .send(let block, _) = action { #expect(block.count <= 100) }
    }
  }

  /// Not of all ranks' actions: in a debug build that would take minutes.
  @Test func oneRankOfThousandsHasItsOwnActionsOnly() {
    let schedule = Ring(elementBytes: 4).schedule(size: 4_096, rank: 4_095, count: 16 << 20)
    #expect(schedule.actions.count == 5 * 4_095)
  }
}
