import Collectives
import Testing

/// The schedules of reduce-scatter, allgather and broadcast, proved without running them on data.
@Suite struct CollectiveScheduleTests {
  /// Each collective, with segments of a few elements.
  static func collectives(lanesInFlight: Int, roots: [Int]) -> [any ScheduledCollective] {
    var collectives: [any ScheduledCollective] = [
      RingReduceScatter(Ring(segmentLength: 3, lanesInFlight: lanesInFlight)),
      RingAllgather(Ring(segmentLength: 3, lanesInFlight: lanesInFlight)),
      DirectReduceScatter(Direct(segmentLength: 3, lanesInFlight: lanesInFlight)),
      DirectAllgather(Direct(segmentLength: 3, lanesInFlight: lanesInFlight)),
    ]
    for root in roots {
      collectives.append(BinomialBroadcast(root: root, segmentLength: 30))
      collectives.append(ChainBroadcast(root: root, segmentLength: 30))
    }
    return collectives
  }

  @Test(arguments: provedSizes)
  func areProvedForEveryCountAroundTheSize(size: Int) {
    for collective in Self.collectives(lanesInFlight: 2, roots: [0, size - 1]) {
      for count in size > 20 ? [size - 1, 4 * size + 2] : [0, 1, size - 1, size, size + 1, 4 * size + 2] {
        let report = ScheduleVerifier.verify(collective, size: size, count: count)
        #expect(report.findings.isEmpty, "\(collective.name), count \(count)")
      }
    }
  }

  @Test(arguments: 1...8, [1, 2, 3, 16])
  func areProvedForAnyNumberOfLanesInFlight(size: Int, lanesInFlight: Int) {
    for collective in Self.collectives(lanesInFlight: lanesInFlight, roots: Array(0..<size)) {
      for count in [7, 40, 100] {
        let report = ScheduleVerifier.verify(collective, size: size, count: count)
        #expect(report.findings.isEmpty, "\(collective.name), count \(count)")
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 8, 33])
  func areProvedAsTheyRunByDefault(size: Int) {
    let collectives: [any ScheduledCollective] = [
      RingReduceScatter(elementBytes: 4), RingAllgather(elementBytes: 4),
      DirectReduceScatter(elementBytes: 4), DirectAllgather(elementBytes: 4),
      BinomialBroadcast(root: 0, elementBytes: 4), ChainBroadcast(root: size - 1, elementBytes: 4),
    ]
    for collective in collectives {
      for count in [1_000, 1_000_003] {
        let report = ScheduleVerifier.verify(collective, size: size, count: count)
        #expect(report.findings.isEmpty, "\(collective.name), count \(count)")
      }
    }
  }

  @Test(arguments: [2, 3, 4, 8, 64])
  func sendTheLeastThatTheyCan(size: Int) {
    let count = 1_024 * size
    for collective in Self.collectives(lanesInFlight: 2, roots: []) {
      for rank in 0..<size {
        let cost = collective.cost(size: size, rank: rank, count: count)
        #expect(cost.sent == (size - 1) * count / size, "\(collective.name)")
        #expect(cost.received == cost.sent)
        #expect(cost.added == 0 || cost.added == cost.sent)
      }
    }
  }

  @Test(arguments: zip([1, 2, 3, 4, 5, 8, 9, 64], [0, 1, 1, 2, 2, 3, 3, 6]))
  func aBroadcastDownTheBinomialTreeTakesLogarithmicRounds(size: Int, rounds: Int) {
    let report = ScheduleVerifier.verify(
      BinomialBroadcast(root: 0, segmentLength: 10), size: size, count: 5)
    #expect(report.costs.map(\.rounds).max() == rounds)
  }

  @Test func chunksCoverTheBuffer() {
    for (count, size) in [(0, 3), (2, 3), (1_000, 7), (1_000_003, 5)] {
      let chunks = Chunks(count: count, size: size)
      #expect((0..<size).reduce(0) { $0 == chunks[$1].lowerBound ? chunks[$1].upperBound : -1 } == count)
    }
  }
}
