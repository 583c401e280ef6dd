import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Collectives

extension RankTests {
  /// Sums with bfloat16 on the wire, over MPI.
  @Suite struct WireExecutorTests {
    /// Contributions of magnitudes that differ by up to 2^12.
    private static func contributions(_ count: Int, size: Int, seed: UInt64) -> [[Float]] {
      (0..<size).map { rank in
        var generator = SeededGenerator(seed: seed &+ UInt64(rank) &* 0x1_0000_0001)
        return (0..<count).map { _ in
          Float.random(in: -1...1, using: &generator)
            * Float(sign: .plus, exponent: .random(in: -12...0, using: &generator), significand: 1)
        }
      }
    }

    /// The first element that is further from the exact sum than `WireFormat` says.
    private static func firstError(_ sums: [Float], of contributions: [[Float]], roundings: Int) -> String? {
      let factor = pow(1 + 0x1p-8, Double(roundings)) * pow(1 + 0x1p-24, Double(contributions.count - 1)) - 1
      for i in sums.indices {
        var exact = 0.0
        var magnitude = 0.0
        for rank in contributions.indices {
          exact += Double(contributions[rank][i])
          magnitude += abs(Double(contributions[rank][i]))
        }
        let error = abs(Double(sums[i]) - exact)
        if !(error <= factor * magnitude) {
          return "element \(i): error \(error), allowed \(factor * magnitude)"
        }
      }
      return nil
    }

    /// Expects a sum over random contributions that is as near as stated, and the same bits everywhere. Collective.
    private static func expectSum(
      _ count: Int, seed: UInt64, by executor: inout AllreduceExecutor, roundings: Int,
      on world: borrowing Communicator, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let contributions = contributions(count, size: world.size, seed: seed)
      var sums = contributions[world.rank]
      var span = sums.mutableSpan
      try executor.allreduce(&span)
      let context = "\(what), \(world.size) ranks, count \(count), seed \(seed)"
      let error = firstError(sums, of: contributions, roundings: roundings)
      #expect(error == nil, "\(context)", sourceLocation: sourceLocation)
      let isSame = try isSameOnAllRanks(sums, on: world)
      #expect(isSame, "\(context)", sourceLocation: sourceLocation)
      let isRounded = world.size == 1 || sums.allSatisfy { $0.bitPattern & 0xffff == 0 }
      #expect(isRounded, "\(context)", sourceLocation: sourceLocation)
    }

    private static func roundings(_ algorithm: some ScheduledAllreduce, size: Int, count: Int) -> Int {
      ScheduleVerifier.verify(algorithm, size: size, count: count, wire: .bfloat16).roundings
    }

    /// The algorithms that are schedules, and so can send what they like.
    static let algorithms = Algorithm.allCases.filter { $0.scheduled(elementBytes: 4) != nil }

    @Test(arguments: 1...5, algorithms)
    func sumsAreWithinTheStatedErrorAndTheSameEverywhere(size: Int, algorithm: Algorithm) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        let scheduled = try #require(algorithm.scheduled(elementBytes: 4))
        var executor = try AllreduceExecutor(algorithm, wire: .bfloat16, on: world)
        for count in [0, 1, size - 1, size, size + 1, 17, 203, 20_003] {
          let roundings = Self.roundings(scheduled, size: size, count: count)
          for round in 0..<(count > 1_000 ? 1 : 20) as Range<UInt64> {
            try Self.expectSum(
              count, seed: seed &+ round, by: &executor, roundings: roundings, on: world, "\(algorithm)")
          }
        }
      }
    }

    @Test(arguments: 1...5, [1, 2, 4])
    func theRingSumsWithManySegments(size: Int, lanesInFlight: Int) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        let ring = Ring(segmentLength: 7, lanesInFlight: lanesInFlight)
        var executor = try AllreduceExecutor(ring, wire: .bfloat16, on: world)
        for count in [1, 13, 14, 15, 100, 1_003, 100, 5_003] {
          try Self.expectSum(
            count, seed: seed, by: &executor, roundings: Self.roundings(ring, size: size, count: count),
            on: world, "ring in segments of 7")
        }
      }
    }

    @Test(arguments: algorithms)
    func wholeNumbersAreExactUpTo256(algorithm: Algorithm) throws {
      try withWorld { world in
        var executor = try AllreduceExecutor(algorithm, wire: .bfloat16, on: world)
        // No partial sum is above 256.
        let values = 256 / world.size + 1
        for count in [1, 300, 5_000] {
          let contribution = { (element: Int, rank: Int) in (element * 31 + rank * 17) % values }
          let exact = (0..<count).map { element in
            (0..<world.size).reduce(0) { $0 + contribution(element, $1) }
          }
          var sums = (0..<count).map { Float(contribution($0, world.rank)) }
          var span = sums.mutableSpan
          try executor.allreduce(&span)
          let wrong = zip(sums, exact).first { $0 != Float($1) }
          #expect(wrong == nil)
        }
      }
    }

    @Test(arguments: algorithms)
    func infinityAndNotANumberArrive(algorithm: Algorithm) throws {
      try withWorld { world in
        var executor = try AllreduceExecutor(algorithm, wire: .bfloat16, on: world)
        let count = 40
        var sums = [Float](repeating: 1, count: count)
        // One rank each, the last for both signs of infinity; a NaN of each rank's own.
        sums[world.rank] = .nan
        sums[10 + world.rank] = .infinity
        sums[20] = world.rank % 2 == 0 ? .infinity : -.infinity
        sums[21] = -.greatestFiniteMagnitude
        sums[22] = Float(nan: UInt32(world.rank + 1) << 5, signaling: false)
        var span = sums.mutableSpan
        try executor.allreduce(&span)
        for rank in 0..<world.size {
          #expect(sums[rank].isNaN)
          #expect(sums[10 + rank] == .infinity)
        }
        #expect(world.size == 1 ? sums[20] == .infinity : sums[20].isNaN)
        #expect(world.size == 1 || sums[21] == -.infinity)
        #expect(sums[22].isNaN)
        #expect(sums[30...] == [Float](repeating: Float(world.size), count: 10)[...])
        let isSame = world.size == 1 ? true : try isSameOnAllRanks(sums, on: world)
        #expect(isSame, "\(algorithm)")
      }
    }

    @Test func repeatedCallsGiveTheSameBits() throws {
      try withWorld { world in
        let mine = Self.contributions(100_003, size: world.size, seed: try sharedSeed(on: world))[world.rank]
        var executor = try AllreduceExecutor(
          Ring(segmentLength: 1_000, lanesInFlight: 3), wire: .bfloat16, on: world)
        var first: [Float]?
        for _ in 0..<10 {
          var sums = mine
          var span = sums.mutableSpan
          try executor.allreduce(&span)
          #expect(areSameBits(sums, first ?? sums))
          first = sums
        }
      }
    }

    @Test(arguments: algorithms)
    func aRangeOfAnArenaLeavesItsNeighboursAlone(algorithm: Algorithm) throws {
      try withWorld { world in
        let arena = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1_000)
        defer { arena.deallocate() }
        var executor = try AllreduceExecutor(algorithm, wire: .bfloat16, on: world)
        for range in [0..<0, 0..<1, 3..<260, 500..<1_000, 999..<1_000] {
          arena.update(repeating: 1 + 0x1p-20)
          try executor.allreduce(UnsafeMutableBufferPointer(rebasing: arena[range]))
          let wrong = arena.indices.filter {
            !range.contains($0) && arena[$0] != 1 + 0x1p-20
              || range.contains($0) && world.size > 1 && arena[$0] != Float(world.size)
          }
          #expect(wrong.isEmpty, "\(range)")
        }
      }
    }

    @Test(arguments: algorithms)
    func halfTheBytesAreSent(algorithm: Algorithm) throws {
      try withWorld { world in
        let scheduled = try #require(algorithm.scheduled(elementBytes: 4))
        var executor = try AllreduceExecutor(algorithm, wire: .bfloat16, on: world)
        var sums = [Float](repeating: 1, count: 10_001)
        var span = sums.mutableSpan
        try executor.allreduce(&span)
        let cost = scheduled.cost(size: world.size, rank: world.rank, count: 10_001)
        #expect(executor.statistics.bytesSent == 2 * cost.sent)
      }
    }
  }
}
