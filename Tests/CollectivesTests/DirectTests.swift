import Collectives
import Testing

/// The direct exchange's schedules, proved without running them on data.
@Suite struct DirectTests {
  @Test(arguments: provedSizes)
  func isProvedForEveryCountAroundTheSize(size: Int) {
    let direct = Direct(segmentLength: 3, lanesInFlight: 2)
    for count in [0, 1, size - 1, size, size + 1, 4 * size + 2] {
      let report = ScheduleVerifier.verify(direct, size: size, count: count)
      #expect(report.findings.isEmpty, "size \(size), count \(count)")
    }
  }

  @Test(arguments: 1...8, [1, 2, 3, 4, 16])
  func isProvedForAnyNumberOfLanesInFlight(size: Int, lanesInFlight: Int) {
    let direct = Direct(segmentLength: 2, lanesInFlight: lanesInFlight)
    for count in [0, 1, 7, 40, 100] {
      #expect(ScheduleVerifier.verify(direct, size: size, count: count).findings.isEmpty, "count \(count)")
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 8, 33])
  func isProvedAsItRunsByDefault(size: Int) {
    for count in [1_000, 1_000_003] {
      let report = ScheduleVerifier.verify(Direct(elementBytes: 4), size: size, count: count)
      #expect(report.findings.isEmpty, "count \(count)")
    }
  }

  @Test(arguments: [2, 3, 4, 8, 64])
  func sendsTheLeastThatAnAllreduceCanInTwoRounds(size: Int) {
    let count = 1_024 * size
    let report = ScheduleVerifier.verify(Direct(elementBytes: 4), size: size, count: count)
    for cost in report.costs {
      #expect(cost.sent == 2 * (size - 1) * count / size)
      #expect(cost.received == cost.sent)
      #expect(cost.added == (size - 1) * count / size)
      #expect(cost.rounds == 2)
    }
    #expect(report.costs.count == size)
  }

  @Test(arguments: [2, 16, 64])
  func workspaceStaysWithinItsBound(size: Int) {
    let bound = 1 << 16
    let direct = Direct(segmentLength: 1 << 20, lanesInFlight: 2, workspaceLength: bound)
    let schedule = direct.schedule(size: size, rank: 0, count: 1 << 24)
    // Segments are cut at cache lines, so that some are a line longer than others.
    #expect(schedule.workspaceCount <= bound + 2 * 16 * size)
    #expect(schedule.workspaceCount > bound / 2)
  }
}
