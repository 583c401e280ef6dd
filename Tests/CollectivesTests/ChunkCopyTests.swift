import MPI
import MPITestSupport
import Testing

@testable import Collectives

/// Any rank but itself may be a rank's keeper, and may be that of several.
private func keepers(_ size: Int, _ random: inout SeededGenerator) -> [Int] {
  (0..<size).map { (rank: Int) in (rank + .random(in: 1..<size, using: &random)) % size }
}

@Suite struct ChunkCopyTests {
  @Test(arguments: 2...64) func isProvedForAnyKeepers(size: Int) {
    var random = SeededGenerator(seed: UInt64(size))
    let shifts = [1, size - 1].map { shift in (0..<size).map { ($0 + shift) % size } }
    for keepers in shifts + [keepers(size, &random), (0..<size).map { $0 == 0 ? 1 : 0 }] {
      for (lanes, grain) in size > 20 ? [(2, 5)] : [(1, nil), (2, nil), (3, 5)] {
        let copy = ChunkCopy(keepers: keepers, Direct(segmentLength: 3, lanesInFlight: lanes), grain: grain)
        for count in size > 20 ? [11 * size + 2] : [0, 1, size - 1, size + 1, 23 * size + 2] {
          let report = ScheduleVerifier.verify(copy, size: size, count: count)
          #expect(report.findings.isEmpty, "keepers \(keepers), count \(count), lanes \(lanes)")
        }
      }
    }
  }

  @Test func ranksKeepWhatTheyAreToldTo() {
    let copy = ChunkCopy(keepers: [2, 2, 1], elementBytes: 4)
    #expect((0..<3).map { copy.kept(by: $0) } == [[], [2], [0, 1]])
    #expect(copy.cost(size: 3, rank: 2, count: 30).received == 20)
  }
}

extension RankTests {
  @Suite struct ChunkCopyRankTests {
    @Test func eachChunkIsWithItsKeeperTooAndTheRestStays() throws {
      try withWorld { world in
        guard world.size > 1 else { return }
        var random = SeededGenerator(seed: try world.broadcast(UInt64.random(in: 0...UInt64.max), root: 0))
        for grain in [nil, 1_000] {
          let keepers = keepers(world.size, &random)
          var executor = ChunkCopyExecutor(
            keepers: keepers, grain: grain, owning: try world.duplicate(), sharesCore: false)
          for count in [0, 1, 2, 17, 4_096, 100_003, 1_000_003, 17] {
            var elements = (0..<count).map { Int32($0 * world.size + world.rank) }
            var span = elements.mutableSpan
            try executor.copy(&span)
            let chunks = Chunks(count: count, size: world.size, grain: grain)
            let isRight = (0..<world.size).allSatisfy { owner in
              let holder = keepers[owner] == world.rank ? owner : world.rank
              return chunks[owner].allSatisfy { elements[$0] == Int32($0 * world.size + holder) }
            }
            #expect(isRight, "keepers \(keepers), count \(count)")
          }
        }
      }
    }
  }
}
