import Collectives
import MPITestSupport
import Testing

/// The tree order's schedules, proved without running them on data.
@Suite struct TreeAllreduceTests {
  /// Which numbers of leaves, each with every number of ranks up to it.
  static let leaves = Array(1...17) + [24, 31, 33, 48, 63, 64]

  /// All numbers of ranks for few leaves, a part of them for many.
  static func sizes(_ leaves: Int) -> [Int] {
    leaves <= 17 ? Array(1...leaves) : [1, 2, 3, 5, 7, 8, 16, 23, leaves / 2, leaves - 1, leaves]
  }

  @Test(arguments: leaves)
  func theOrderOfAdditionsIsTheTreesWhateverTheSize(leaves: Int) {
    for shortLength in [0, 1 << 20] {
      let tree = TreeAllreduce(
        leaves: leaves, shortLength: shortLength, segmentLength: 2, laneLength: 40, lanesInFlight: 2)
      for size in Self.sizes(leaves) {
        #expect(tree.additionOrders(size: size, count: 1)[0].order == ReductionTree(leaves: leaves).order)
        for count in size > 17 ? [size + 1] : [0, 1, size - 1, size, size + 1, 5 * size + 2] {
          let report = ScheduleVerifier.verify(tree, size: size, count: count)
          #expect(
            report.findings.isEmpty, "\(leaves) leaves, size \(size), count \(count), short \(shortLength)")
        }
      }
    }
  }

  @Test(arguments: provedSizes)
  func isProvedForAnySizeOver64Leaves(size: Int) {
    let tree = TreeAllreduce(
      leaves: 64, shortLength: 0, segmentLength: 3, laneLength: 1_000, lanesInFlight: 1)
    #expect(ScheduleVerifier.verify(tree, size: size, count: size + 3).findings.isEmpty)
  }

  /// As hosts with unequal numbers of ranks bring them.
  @Test func isProvedForRunsOfAnyLengths() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let leaves = Int.random(in: 1...64, using: &random)
      let size = Int.random(in: 1...min(leaves, 9), using: &random)
      let cuts = [0] + (1..<leaves).shuffled(using: &random).prefix(size - 1).sorted() + [leaves]
      let runs = zip(cuts, cuts.dropFirst()).map { $0..<$1 }
      for shortLength in [0, 1 << 20] {
        let tree = TreeAllreduce(
          leaves: leaves, shortLength: shortLength, segmentLength: 3, laneLength: 40, lanesInFlight: 2,
          runs: runs)
        let count = Int.random(in: 0...5 * size + 2, using: &random)
        let report = ScheduleVerifier.verify(tree, size: size, count: count)
        #expect(report.findings.isEmpty, "seed \(seed): runs \(runs), count \(count), short \(shortLength)")
      }
    }
  }

  @Test(arguments: 1...8)
  func isProvedAsItRunsByDefault(size: Int) {
    for leaves in [8, 12] {
      for count in [1_000, 100_003, 1_000_003] {
        let report = ScheduleVerifier.verify(
          TreeAllreduce(leaves: leaves, elementBytes: 4), size: size, count: count)
        #expect(report.findings.isEmpty, "\(leaves) leaves, count \(count)")
      }
    }
  }

  @Test(arguments: [2, 4, 8])
  func powersOfTwoCostNoMoreThanARing(size: Int) {
    let count = 1_024 * size
    let report = ScheduleVerifier.verify(
      TreeAllreduce(leaves: 16, shortLength: 0, segmentLength: 100, laneLength: count, lanesInFlight: 2),
      size: size, count: count)
    for cost in report.costs {
      #expect(cost.sent == 2 * (size - 1) * count / size)
      #expect(cost.added == (size - 1) * count / size)
    }
    #expect(report.costs.count == size)
  }

  @Test func aShortBufferTakesOneRound() {
    let tree = TreeAllreduce(leaves: 8, elementBytes: 4)
    for size in [2, 3, 5, 6, 7] {
      #expect(tree.cost(size: size, rank: 0, count: 100).rounds == 1)
    }
  }

  @Test func workspaceStaysWithinItsBound() {
    let bound = 1 << 16
    let tree = TreeAllreduce(
      leaves: 60, shortLength: 0, segmentLength: 1 << 20, laneLength: 1, lanesInFlight: 2,
      workspaceLength: bound)
    for size in [3, 7, 50] {
      let schedule = tree.schedule(size: size, rank: 1, count: 1 << 22)
      // Segments are cut at cache lines, so that some are a line longer than others.
      #expect(schedule.workspaceCount <= bound + 2 * 16 * 80)
    }
  }
}
