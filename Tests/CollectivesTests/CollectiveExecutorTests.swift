import Collectives
import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct CollectiveExecutorTests {
    /// Lengths on both sides of every choice by size.
    static let counts = Array(0...70) + [4_096, 100_003, 1_000_003]

    /// What there is, with short segments: nil is the choice by size.
    static let algorithms: [CollectiveExecutor.Algorithms?] = [
      nil,
      .init(
        reduceScatter: RingReduceScatter(Ring(segmentLength: 7, lanesInFlight: 2)),
        allgather: RingAllgather(Ring(segmentLength: 7, lanesInFlight: 2)),
        broadcast: { ChainBroadcast(root: $0, segmentLength: 7) }),
      .init(
        reduceScatter: DirectReduceScatter(Direct(segmentLength: 7, lanesInFlight: 2)),
        allgather: DirectAllgather(Direct(segmentLength: 7, lanesInFlight: 2)),
        broadcast: { BinomialBroadcast(root: $0, segmentLength: 7) }),
    ]

    static func executor(_ algorithms: Int, on world: borrowing Communicator) throws -> CollectiveExecutor {
      if let algorithms = Self.algorithms[algorithms] { return try CollectiveExecutor(algorithms, on: world) }
      return try CollectiveExecutor(on: world)
    }

    /// The lengths for algorithms with short segments are shorter, too.
    static func counts(_ algorithms: Int) -> [Int] {
      algorithms == 0 ? counts : Array(0...20) + [70, 500, 1_003]
    }

    static func expectReduceScatter<T: Contribution>(
      of type: T.Type, count: Int, seed: UInt64, by executor: inout CollectiveExecutor,
      on world: borrowing Communicator
    ) throws {
      let chunks = Chunks(count: count, size: world.size)
      let mine = contribution(of: type, count: count, rank: world.rank, seed: seed)
      var expected = mine
      var span = expected.mutableSpan
      try world.reduceScatter(&span, counts: (0..<world.size).map { chunks[$0].count }, .sum)
      var sums = mine
      span = sums.mutableSpan
      try executor.reduceScatter(&span)
      let chunk = Array(sums[chunks[world.rank]])
      let difference = T.firstDifference(chunk, Array(expected.prefix(chunk.count)), size: world.size)
      #expect(difference == nil, "\(T.self), \(world.size) ranks, count \(count), seed \(seed)")
    }

    static func expectAllgather<T: Contribution>(
      of type: T.Type, count: Int, seed: UInt64, by executor: inout CollectiveExecutor,
      on world: borrowing Communicator
    ) throws {
      let chunks = Chunks(count: count, size: world.size)
      var gathered = contribution(of: type, count: count, rank: world.rank, seed: seed)
      var expected = gathered
      var span = expected.mutableSpan
      try world.allgather(&span, counts: (0..<world.size).map { chunks[$0].count })
      span = gathered.mutableSpan
      try executor.allgather(&span)
      let isSame = areSameBits(gathered, expected)
      #expect(isSame, "\(T.self), \(world.size) ranks, count \(count), seed \(seed)")
    }

    static func expectBroadcast<T: Contribution>(
      of type: T.Type, count: Int, root: Int, seed: UInt64, by executor: inout CollectiveExecutor,
      on world: borrowing Communicator
    ) throws {
      var received = contribution(of: type, count: count, rank: world.rank, seed: seed)
      var expected = received
      var span = expected.mutableSpan
      try world.broadcast(&span, root: root)
      span = received.mutableSpan
      try executor.broadcast(&span, root: root)
      let isSame = areSameBits(received, expected)
      #expect(isSame, "\(T.self), \(world.size) ranks, count \(count), root \(root), seed \(seed)")
    }

    @Test(arguments: algorithms.indices, 1...5)
    func reduceScatterEqualsMPIs(algorithms: Int, size: Int) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        var executor = try Self.executor(algorithms, on: world)
        for count in Self.counts(algorithms) {
          try Self.expectReduceScatter(of: Float.self, count: count, seed: seed, by: &executor, on: world)
          try Self.expectReduceScatter(of: Int64.self, count: count, seed: seed, by: &executor, on: world)
        }
      }
    }

    @Test(arguments: algorithms.indices, 1...5)
    func allgatherEqualsMPIs(algorithms: Int, size: Int) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        var executor = try Self.executor(algorithms, on: world)
        for count in Self.counts(algorithms) {
          try Self.expectAllgather(of: Float.self, count: count, seed: seed, by: &executor, on: world)
          try Self.expectAllgather(of: Int64.self, count: count, seed: seed, by: &executor, on: world)
        }
      }
    }

    @Test(arguments: algorithms.indices, 1...5)
    func broadcastEqualsMPIsFromEveryRoot(algorithms: Int, size: Int) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        var executor = try Self.executor(algorithms, on: world)
        for count in Self.counts(algorithms) {
          for root in 0..<world.size where count < 100_000 || root == count % world.size {
            try Self.expectBroadcast(
              of: Float.self, count: count, root: root, seed: seed, by: &executor, on: world)
          }
        }
      }
    }

    @Test func aBroadcastLongerThanOneScheduleTakesSeveral() throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var executor = try CollectiveExecutor(on: world)
        executor.pieceLimit = 10
        for count in [9, 10, 11, 30, 31] {
          try Self.expectBroadcast(
            of: Int32.self, count: count, root: world.size - 1, seed: seed, by: &executor, on: world)
        }
      }
    }

    /// What a sharded optimizer does. All of it with one executor, so that schedules of one length are told apart.
    @Test func reduceScatterAndAllgatherMakeAnAllreduce() throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var executor = try CollectiveExecutor(on: world)
        for count in [0, 1, 5, 1_003, 200_003] {
          let mine = contribution(of: Int64.self, count: count, rank: world.rank, seed: seed)
          var expected = mine
          var span = expected.mutableSpan
          try world.allreduce(&span, .sum)
          var sums = mine
          span = sums.mutableSpan
          try executor.reduceScatter(&span)
          try executor.allgather(&span)
          let isSame = areSameBits(sums, expected)
          #expect(isSame, "count \(count)")
          span = sums.mutableSpan
          try executor.broadcast(&span, root: 0)
          let isStillSame = areSameBits(sums, expected)
          #expect(isStillSame, "count \(count)")
        }
        #expect(executor.statistics.calls == 15)
        #expect(executor.progress.snapshot.activity == .idle)
      }
    }
  }
}
