import Collectives
import Testing

/// Halving-doubling's schedules, proved without running them on data.
@Suite struct HalvingDoublingTests {
  @Test(arguments: provedSizes)
  func isProvedForEveryCountAroundTheSize(size: Int) {
    let halving = HalvingDoubling(laneLength: 3 * size + 1, lanesInFlight: 2)
    for count in [0, 1, size - 1, size, size + 1, 7 * size + 2] {
      let report = ScheduleVerifier.verify(halving, size: size, count: count)
      #expect(report.findings.isEmpty, "size \(size), count \(count)")
    }
  }

  @Test(arguments: 1...9, [1, 2, 3, 4, 16])
  func isProvedForAnyNumberOfLanesInFlight(size: Int, lanesInFlight: Int) {
    let halving = HalvingDoubling(laneLength: 20, lanesInFlight: lanesInFlight)
    for count in [7, 19, 21, 40, 200] {
      #expect(ScheduleVerifier.verify(halving, size: size, count: count).findings.isEmpty, "count \(count)")
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 16, 33, 64])
  func isProvedAsItRunsByDefault(size: Int) {
    for count in [1_000, 1_000_003] {
      let report = ScheduleVerifier.verify(HalvingDoubling(elementBytes: 4), size: size, count: count)
      #expect(report.findings.isEmpty, "count \(count)")
    }
  }

  @Test(arguments: 2...64)
  func sendsTheLeastThatAnAllreduceCanForEverySize(size: Int) {
    let count = 16 * size
    let report = ScheduleVerifier.verify(
      HalvingDoubling(laneLength: count, lanesInFlight: 1), size: size, count: count)
    let rounds = (0..<7).first { 1 << $0 >= size } ?? 0
    for cost in report.costs {
      #expect(cost.sent == 2 * (size - 1) * 16)
      #expect(cost.received == cost.sent)
      #expect(cost.added == (size - 1) * 16)
      #expect(cost.rounds <= 2 * rounds)
      // A power of two takes a message a round; elsewhere some runs of chunks wrap.
      #expect(size & (size - 1) == 0 ? cost.messages == 2 * rounds : cost.messages <= 4 * rounds)
    }
    #expect(report.costs.count == size)
  }

  @Test(arguments: [1, 2, 4, 8, 16, 32, 64])
  func powersOfTwoAddInTheOrderOfTheTree(size: Int) {
    let report = ScheduleVerifier.verify(HalvingDoubling(elementBytes: 4), size: size, count: 100)
    #expect(report.findings.isEmpty)
    let orders = HalvingDoubling(elementBytes: 4).additionOrders(size: size, count: 100)
    #expect(orders.map(\.order) == [ReductionTree(leaves: size).order])
  }
}
