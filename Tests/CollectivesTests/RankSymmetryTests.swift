import Testing

@testable import Collectives

/// What algorithms say of the likeness of their ranks is so.
@Suite struct RankSymmetryTests {
  static let algorithms: [any ScheduledAllreduce] = [
    Ring(segmentLength: 3, lanesInFlight: 2),
    RecursiveDoubling(segmentLength: 40, lanesInFlight: 2),
    RecursiveDoubling(segmentLength: 40, lanesInFlight: 2, largestGroup: 5),
    HalvingDoubling(laneLength: 64, lanesInFlight: 2),
    Direct(segmentLength: 3, lanesInFlight: 2),
  ]

  @Test(arguments: algorithms.indices, 1...64)
  func everySymmetryThatIsStatedHolds(algorithm: Int, size: Int) {
    let algorithm = Self.algorithms[algorithm]
    for count in [0, 1, size, 2 * size + 1, 64, 300] {
      guard let symmetry = algorithm.symmetry(size: size, count: count) else { continue }
      let base = Likeness(algorithm.schedule(size: size, rank: 0, count: count), symmetry)
      for rank in 0..<size {
        let likeness = Likeness(algorithm.schedule(size: size, rank: rank, count: count), symmetry)
        #expect(likeness == base, "rank \(rank), \(count) elements")
      }
    }
  }

  @Test(arguments: [Algorithm.ring, .recursiveDoubling, .halvingDoubling, .direct], [4, 64, 4_096])
  func evenBuffersOnPowersOfTwoAreSymmetric(algorithm: Algorithm, size: Int) throws {
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    #expect(schedules.symmetry(size: size, count: 1 << 18) != nil)
  }

  /// A schedule without the places of its blocks, its peers named as rank 0 names its own.
  private struct Likeness: Equatable {
    enum Step: Equatable {
      case send(count: Int, to: Int)
      case receive(count: Int, from: Int)
      case combine(count: Int)
    }
    let steps: [Step]
    let dependencies: [[Int32]]
    let window: Int

    init(_ schedule: Schedule, _ symmetry: RankSymmetry) {
      func base(_ peer: Int32) -> Int {
        symmetry.basePeer(Int(peer), of: schedule.rank, size: schedule.size)
      }
      steps = schedule.actions.map { action in
        switch action {
        case .send(let block, let peer): .send(count: block.count, to: base(peer))
        case .receive(let block, let peer): .receive(count: block.count, from: base(peer))
        case .combine(_, _, let block): .combine(count: block.count)
        }
      }
      dependencies = schedule.actions.indices.map { Array(schedule.dependencies(of: $0)) }
      window = schedule.window
    }
  }
}
