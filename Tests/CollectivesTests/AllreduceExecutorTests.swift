import Collectives
import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct AllreduceExecutorTests {
    @Test(arguments: Algorithm.allCases.filter { $0 != .mpi }, 1...5)
    func everyAlgorithmEqualsMPIForEveryLength(algorithm: Algorithm, size: Int) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        var executor = try AllreduceExecutor(algorithm, on: world)
        for count in Array(0...70) + [1_000_003] {
          try expectSum(of: Float.self, count: count, seed: seed, by: &executor, on: world)
          try expectSum(of: Double.self, count: count, seed: seed, by: &executor, on: world)
          try expectSum(of: Int32.self, count: count, seed: seed, by: &executor, on: world)
          try expectSum(of: Int64.self, count: count, seed: seed, by: &executor, on: world)
        }
      }
    }

    @Test(arguments: 1...5, [1, 2, 4])
    func everyAlgorithmEqualsMPIWithManySegments(size: Int, lanesInFlight: Int) throws {
      let algorithms: [any ScheduledAllreduce] = [
        Ring(segmentLength: 7, lanesInFlight: lanesInFlight),
        RecursiveDoubling(segmentLength: 7, lanesInFlight: lanesInFlight),
        HalvingDoubling(laneLength: 7 * size, lanesInFlight: lanesInFlight),
        Direct(segmentLength: 7, lanesInFlight: lanesInFlight),
        Linear(segmentLength: 7, lanesInFlight: lanesInFlight),
      ]
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        for algorithm in algorithms {
          var executor = try AllreduceExecutor(algorithm, on: world)
          for count in [1, 13, 14, 15, 100, 1_003] {
            try expectSum(of: Float.self, count: count, seed: seed, by: &executor, on: world)
            try expectSum(of: Int64.self, count: count, seed: seed, by: &executor, on: world)
          }
        }
      }
    }

    @Test func moreMessagesThanTagsAreNotMixedUp() throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var executor = try AllreduceExecutor(Ring(segmentLength: 1, lanesInFlight: 3), on: world)
        try expectSum(of: Int32.self, count: 5_000 * world.size, seed: seed, by: &executor, on: world)
      }
    }

    @Test func callsOfDifferentLengthsAndTypesFollowEachOther() throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var generator = SeededGenerator(seed: seed)
        var executor = try AllreduceExecutor(Ring(segmentLength: 20, lanesInFlight: 2), on: world)
        for call in 0..<200 as Range<UInt64> {
          // The same on all ranks.
          let count = Int.random(in: 0...300, using: &generator)
          switch Int.random(in: 0..<3, using: &generator) {
          case 0: try expectSum(of: Float.self, count: count, seed: seed &+ call, by: &executor, on: world)
          case 1: try expectSum(of: Double.self, count: count, seed: seed &+ call, by: &executor, on: world)
          default: try expectSum(of: Int32.self, count: count, seed: seed &+ call, by: &executor, on: world)
          }
        }
        #expect(executor.statistics.calls == 200)
      }
    }

    @Test func repeatedCallsGiveTheSameBits() throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        let mine = contribution(of: Float.self, count: 100_003, rank: world.rank, seed: seed)
        var executor = try AllreduceExecutor(.ring, on: world)
        var first: [Float]?
        for _ in 0..<5 {
          var sums = mine
          var span = sums.mutableSpan
          try executor.allreduce(&span)
          let bits = sums.map(\.bitPattern)
          let isSame = bits == first?.map(\.bitPattern) ?? bits
          #expect(isSame)
          first = sums
        }
      }
    }

    @Test func aRangeOfAnArenaLeavesItsNeighboursAlone() throws {
      try withWorld { world in
        let arena = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1_000)
        defer { arena.deallocate() }
        var executor = try AllreduceExecutor(Ring(segmentLength: 16, lanesInFlight: 4), on: world)
        for range in [0..<0, 0..<1, 3..<260, 500..<1_000, 999..<1_000] {
          for i in arena.indices { arena[i] = Float(i + world.rank) }
          try executor.allreduce(UnsafeMutableBufferPointer(rebasing: arena[range]))
          let sumOfRanks = world.size * (world.size - 1) / 2
          let wrong = arena.indices.filter {
            arena[$0] != Float(range.contains($0) ? $0 * world.size + sumOfRanks : $0 + world.rank)
          }
          #expect(wrong.isEmpty, "\(range)")
        }
      }
    }

    @Test(arguments: Algorithm.allCases)
    func minimaAndMaximaAreMPIs(algorithm: Algorithm) throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var executor = try AllreduceExecutor(algorithm, on: world)
        for reduction in [Reduction.minimum, .maximum] {
          let mine = contribution(of: Double.self, count: 101, rank: world.rank, seed: seed)
          var expected = mine
          var span = expected.mutableSpan
          try world.allreduce(&span, reduction.operation)
          var found = mine
          span = found.mutableSpan
          try executor.allreduce(&span, reduction)
          #expect(found == expected)
        }
      }
    }

    @Test func aBufferLongerThanOneScheduleTakesSeveral() throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var executor = try AllreduceExecutor(.ring, on: world)
        executor.pieceLimit = 10
        for count in [9, 10, 11, 30, 31] {
          try expectSum(of: Int32.self, count: count, seed: seed, by: &executor, on: world)
        }
      }
    }

    @Test(arguments: Algorithm.allCases)
    func everyAlgorithmSumsThroughTheSameInterface(algorithm: Algorithm) throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var executor = try AllreduceExecutor(algorithm, on: world)
        for count in [0, 1, 1_000] {
          try expectSum(of: Float.self, count: count, seed: seed, by: &executor, on: world)
        }
        #expect(executor.statistics.calls == 3)
        #expect(executor.progress.snapshot.activity == .idle)
      }
    }

    @Test func theExampleOfTheReadmeRuns() throws {
      try withWorld { world in
        var executor = try AllreduceExecutor(.ring, on: world)
        var gradients = [Float](repeating: 1, count: 1_000_000)
        var span = gradients.mutableSpan
        try executor.allreduce(&span)  // gradients[i] == Float(world.size)
        // Not all elements in one expectation: it would print them.
        let wrong = gradients.firstIndex { $0 != Float(world.size) }
        #expect(wrong == nil)
      }
    }

    @Test func statisticsCountTheBytesOfTheFormula() throws {
      try withWorld { world in
        let ring = Ring(segmentLength: 10, lanesInFlight: 2)
        var executor = try AllreduceExecutor(ring, on: world)
        var bytes = 0
        for count in [100, 1_003] {
          try expectSum(of: Double.self, count: count, seed: 1, by: &executor, on: world)
          bytes += 8 * ring.cost(size: world.size, rank: world.rank, count: count).sent
        }
        #expect(executor.statistics.bytesSent == bytes)
        #expect(executor.statistics.secondsWaiting <= executor.statistics.seconds)
      }
    }
  }
}
