import MPI
import MPITestSupport
import Testing

@testable import Collectives

extension RankTests {
  /// Hosts are made up: ranks of one machine, divided.
  @Suite struct TwoLevelAllreduceTests {
    /// How ranks are divided into hosts.
    enum Division: CaseIterable {
      case oneHost, oneRankEach, halves, alternating, oneAndTheRest, theRestAndOne

      func host(ofRank rank: Int, size: Int) -> Int {
        switch self {
        case .oneHost: 0
        case .oneRankEach: rank
        case .halves: rank < (size + 1) / 2 ? 0 : 1
        case .alternating: rank % 2
        case .oneAndTheRest: min(rank, 1)
        case .theRestAndOne: rank == size - 1 ? 1 : 0
        }
      }
    }

    /// Element `i` of `rank` in call `call`: a whole number, so that sums are exact.
    private static func value(_ rank: Int, _ i: Int, _ call: Int) -> Float {
      Float((i * 7 + rank * 13 + call * 5) % 101 - 50)
    }

    private static func sum(_ size: Int, _ i: Int, _ call: Int) -> Float {
      (0..<size).reduce(0) { $0 + value($1, i, call) }
    }

    @Test(
      arguments: Division.allCases,
      [Algorithm.ring, .recursiveDoubling, .halvingDoubling, .direct, .linear, .mpi])
    func everyRankGetsTheSumOfEveryRangeAndOfNothingElse(division: Division, algorithm: Algorithm) throws {
      try withWorld { world in
        let host = try world.split(
          color: division.host(ofRank: world.rank, size: world.size), key: world.rank)
        let count = 5_003
        let arenas = try SharedArenas(count: count, on: host)
        defer { arenas.free() }
        let twoLevel = try TwoLevelAllreduce(arenas, world: world) { carriers, progress in
          AllreduceExecutor(AllreduceSelection(algorithm), owning: carriers, progress: progress)
        }
        let ranges = (0...40).map { 16 * $0..<17 * $0 } + [0..<count, 5..<count - 3, 1_000..<1_000]
        for (call, range) in ranges.enumerated() {
          for i in 0..<count { arenas.mine[i] = Self.value(world.rank, i, call) }
          try twoLevel.allreduce(range)
          var wrong = 0
          for i in 0..<count {
            let expected =
              range.contains(i) ? Self.sum(world.size, i, call) : Self.value(world.rank, i, call)
            if arenas.mine[i] != expected { wrong += 1 }
          }
          #expect(wrong == 0, "range \(range)")
          try world.barrier()
        }
      }
    }

    @Test(arguments: Division.allCases)
    func theRanksOfAHostShareTheSumAmongThem(division: Division) throws {
      try withWorld { world in
        let host = try world.split(
          color: division.host(ofRank: world.rank, size: world.size), key: world.rank)
        let count = 3_001
        let arenas = try SharedArenas(count: count, on: host)
        defer { arenas.free() }
        let twoLevel = try TwoLevelAllreduce(arenas, world: world) { carriers, progress in
          AllreduceExecutor(AllreduceSelection(.ring), owning: carriers, progress: progress)
        }
        for i in 0..<count { arenas.mine[i] = Self.value(world.rank, i, 0) }
        let chunk = try twoLevel.reduceScatter(7..<count)
        #expect(chunk == twoLevel.chunk(of: 7..<count))
        var wrong = 0
        for i in chunk where arenas.mine[i] != Self.sum(world.size, i, 0) { wrong += 1 }
        #expect(wrong == 0)
        let owned = try host.allreduce(chunk.count, .sum)
        #expect(owned == count - 7)
        let carriers = twoLevel.carriers
        #expect(carriers == 1 || chunk.count > 0 || host.rank >= carriers)
        try world.barrier()
      }
    }

    /// Whole trees of microbatches over hosts with blocks of ranks, as many or not: the bits are those of one rank that adds all leaves.
    @Test(
      arguments: [8, 9, 12, 23], [Division.oneHost, .oneRankEach, .halves, .oneAndTheRest, .theRestAndOne])
    func inTheOrderOfATreeTheBitsDependOnNoDivision(leaves: Int, division: Division) throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        let tree = ReductionTree(leaves: leaves)
        let run = tree.run(ofRank: world.rank, size: world.size)
        let host = try world.split(
          color: division.host(ofRank: world.rank, size: world.size), key: world.rank)
        let (count, stride) = (4_099, 4_112)
        let partials = (0..<world.size).map {
          tree.partials(of: tree.run(ofRank: $0, size: world.size)).count
        }
        let arenas = try SharedArenas(count: stride * (partials.max() ?? 1), on: host)
        defer { arenas.free() }
        let twoLevel = try TwoLevelAllreduce(arenas, tree: tree, stride: stride, world: world)
        let mine = TreeExecutorTests.fold(tree, run, count: count, seed: seed)
        let expected = TreeExecutorTests.fold(tree, 0..<leaves, count: count, seed: seed)[0]
        func bring() throws {
          try host.barrier()
          for (index, partial) in mine.enumerated() {
            for i in partial.indices { arenas.mine[index * stride + i] = partial[i] }
          }
        }
        for range in [0..<count, 16..<1_040, 5..<count - 3, 100..<100] {
          try bring()
          try twoLevel.allreduce(range)
          let isSame = areSameBits(Array(arenas.mine[range]), Array(expected[range]))
          #expect(isSame, "\(leaves) leaves, \(division), \(world.size) ranks, range \(range), seed \(seed)")
          let untouched = (0..<count).filter { !range.contains($0) }
          let isUntouched = untouched.allSatisfy { arenas.mine[$0] == mine[0][$0] }
          #expect(isUntouched, "\(leaves) leaves, \(division), \(world.size) ranks, range \(range)")
          try bring()
          let chunk = try twoLevel.reduceScatter(range)
          let isSameChunk = areSameBits(Array(arenas.mine[chunk]), Array(expected[chunk]))
          #expect(
            isSameChunk, "\(leaves) leaves, \(division), \(world.size) ranks, chunk \(chunk), seed \(seed)")
          let owned = try host.allreduce(chunk.count, .sum)
          #expect(owned == range.count)
        }
      }
    }

    @Test func onlyRanksThatFollowEachOtherAreABlock() throws {
      try withWorld { world in
        let layout = try HostLayout(of: world)
        #expect(layout.isInBlocks)
        #expect(HostLayout(ranks: [[0, 1], [2]], names: ["a", "a", "b"]).isInBlocks)
        #expect(HostLayout(ranks: [[0, 1], [2, 3]], names: ["a", "a", "b", "b"]).isInBlocks)
        let dealtOut = HostLayout(ranks: [[0, 2], [1, 3]], names: ["a", "b", "a", "b"])
        #expect(!dealtOut.isInBlocks)
        #expect(dealtOut.ranksPerHost == [2, 2])
        #expect(dealtOut.hosts == ["a", "b"])
      }
    }

    @Test func allRanksHoldTheSameBits() throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        for division in Division.allCases {
          let host = try world.split(
            color: division.host(ofRank: world.rank, size: world.size), key: world.rank)
          let arenas = try SharedArenas(count: 4_099, on: host)
          let twoLevel = try TwoLevelAllreduce(arenas, world: world) { carriers, progress in
            AllreduceExecutor(AllreduceSelection(.ring), owning: carriers, progress: progress)
          }
          let mine = contribution(of: Float.self, count: 4_099, rank: world.rank, seed: seed)
          for i in arenas.mine.indices { arenas.mine[i] = mine[i] }
          try twoLevel.allreduce(0..<4_099)
          let isSame = try isSameOnAllRanks(Array(arenas.mine), on: world)
          #expect(isSame, "\(division), seed \(seed)")
          try world.barrier()
          arenas.free()
        }
      }
    }
  }
}
