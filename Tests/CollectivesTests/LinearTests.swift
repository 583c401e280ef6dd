import Collectives
import Testing

/// The linear algorithm's schedules, proved without running them on data.
@Suite struct LinearTests {
  @Test(arguments: provedSizes)
  func isProvedForEveryCountAroundTheSize(size: Int) {
    let linear = Linear(segmentLength: 3, lanesInFlight: 2)
    for count in [0, 1, size - 1, size, size + 1] {
      let report = ScheduleVerifier.verify(linear, size: size, count: count)
      #expect(report.findings.isEmpty, "size \(size), count \(count)")
    }
  }

  @Test(arguments: 1...8, [1, 2, 3, 4, 16])
  func isProvedForAnyNumberOfLanesInFlight(size: Int, lanesInFlight: Int) {
    let linear = Linear(segmentLength: 2, lanesInFlight: lanesInFlight)
    for count in [0, 1, 7, 40, 100] {
      #expect(ScheduleVerifier.verify(linear, size: size, count: count).findings.isEmpty, "count \(count)")
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 8, 33])
  func isProvedAsItRunsByDefault(size: Int) {
    for count in [1_000, 1_000_003] {
      let report = ScheduleVerifier.verify(Linear(elementBytes: 4), size: size, count: count)
      #expect(report.findings.isEmpty, "count \(count)")
    }
  }

  @Test(arguments: [2, 3, 4, 8, 64])
  func takesTwoRoundsAndTheFewestMessages(size: Int) {
    let report = ScheduleVerifier.verify(Linear(elementBytes: 4), size: size, count: 1_024)
    #expect(report.costs.reduce(0) { $0 + $1.messages } == 2 * (size - 1))
    #expect(report.costs.map(\.rounds) == [1] + Array(repeating: 2, count: size - 1))
    for algorithm in Algorithm.allCases {
      guard let scheduled = algorithm.scheduled(elementBytes: 4) else { continue }
      let messages = (0..<size).map { scheduled.cost(size: size, rank: $0, count: 1_024).messages }
      #expect(messages.reduce(0, +) >= 2 * (size - 1), "\(algorithm)")
    }
  }

  @Test(arguments: [2, 16, 64])
  func workspaceStaysWithinItsBound(size: Int) {
    let bound = 1 << 16
    let linear = Linear(segmentLength: 1 << 20, lanesInFlight: 2, workspaceLength: bound)
    let schedule = linear.schedule(size: size, rank: 0, count: 1 << 24)
    // Lanes are cut at cache lines, so that some are a line longer than others.
    #expect(schedule.workspaceCount <= bound + 2 * 16 * size)
    #expect(schedule.workspaceCount > bound / 2)
    #expect(linear.schedule(size: size, rank: 1, count: 1 << 24).workspaceCount == 0)
  }

  @Test(arguments: [2, 9, 17, 65])
  func amongManyRanksFewerLanesAreInFlightRatherThanShortOnes(size: Int) {
    let bound = 1 << 16
    let linear = Linear(segmentLength: 4_096, lanesInFlight: 8, workspaceLength: bound)
    let count = 100_000
    #expect(linear.cost(size: size, rank: 1, count: count).messages <= count / 1_000)
    #expect(linear.schedule(size: size, rank: 0, count: count).workspaceCount <= bound + 2 * 16 * size)
    #expect(ScheduleVerifier.verify(linear, size: size, count: count).findings.isEmpty)
  }
}
