import BLAS
import Checkpoints
import Datasets
import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Graph
@testable import Training

/// About 113,000 parameters, so that each of four ranks has some grains; 12 microbatches.
private func configuration(
  _ optimizer: Configuration.Optimizer, algorithm: Configuration.Communication.Algorithm = .tree,
  hidden: [Int] = [300, 300], clipNorm: Double? = nil, overlap: Bool = true,
  bucketBytes: Int = 25 << 20, microbatch: Int = 5, sharded: Bool = true
) -> Configuration {
  var optimizer = optimizer
  optimizer.sharded = sharded
  var training = Configuration.Training(
    batch: 60, microbatch: microbatch, steps: 10, optimizer: optimizer, reproducible: algorithm == .tree)
  training.clipNorm = clipNorm
  return Configuration(
    name: "test", seed: 3, model: .init(kind: .mlp, hidden: hidden, dropout: 0.1),
    data: .init(source: .digits), training: training,
    communication: .init(algorithm: algorithm, bucketBytes: bucketBytes, overlap: overlap))
}

private func trainer(
  _ configuration: Configuration, resumption: Resumption? = nil, _ world: borrowing Communicator
) throws -> Trainer {
  let data = try configuration.loadData()
  return try Trainer(
    configuration, data: data, network: try Trainer.network(configuration, data: data),
    pool: ThreadPool(threads: 1),
    instruments: Instruments(configuration.communication, world: world), ownsInstruments: true,
    resumption: resumption, world: world)
}

/// The losses and the weights after each step.
private func digests(
  _ configuration: Configuration, steps: Int = 10, _ world: borrowing Communicator
) throws -> [String] {
  let trainer = try trainer(configuration, world)
  defer { trainer.close() }
  return try (0..<steps).map { _ in "\(try trainer.trainStep()) \(trainer.executor.weightsSHA256)" }
}

/// Bytes that all ranks together send.
private func bytesOfAStep(_ configuration: Configuration, _ world: borrowing Communicator) throws -> Int {
  let trainer = try trainer(configuration, world)
  defer { trainer.close() }
  try trainer.trainStep()
  return try world.allreduce(trainer.reducer.statistics.bytesSent, .sum)
}

/// Optimizers with two states, with one, and with norms of tensors; with and without a norm of the whole gradient.
private let optimizers: [(optimizer: Configuration.Optimizer, clipNorm: Double?)] = [
  (.init(kind: .adamw, learningRate: 3e-3), nil), (.init(kind: .sgd, learningRate: 0.1, momentum: 0.9), 0.2),
  (.init(kind: .lamb, learningRate: 0.01), 0.3), (.init(kind: .lars, learningRate: 1, decay: .matrices), nil),
]

private let rankCount =
  ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_SIZE"].flatMap { Int($0) } ?? 1

extension RankTests {
  /// At 1 to 4 ranks, among which 12 microbatches are shared out evenly: else unequal numbers of partial sums and unequal shares of the
  /// state make somewhat more bytes than an allreduce.
  @Suite(.enabled(if: rankCount <= 4)) struct ShardedOptimizerRankTests {
    @Test(arguments: optimizers.indices)
    func shardingDoesNotChangeOneBit(optimizer index: Int) throws {
      let (optimizer, clipNorm) = optimizers[index]
      try withWorld { world in
        let alone = try world.split(color: world.rank, key: 0)
        let expected = try digests(configuration(optimizer, clipNorm: clipNorm, sharded: false), alone)
        #expect(Set(expected).count == 10)
        for overlap in index == 0 ? [true, false] : [index % 2 == 0] {
          let found = try digests(configuration(optimizer, clipNorm: clipNorm, overlap: overlap), world)
          #expect(found == expected, "\(optimizer.kind), overlap \(overlap)")
          // Every rank has all weights, and the same.
          let last = Int64(bitPattern: ContentHash.fnv1a(found[9].utf8))
          let all = try world.allgather(last)
          #expect(Set(all).count == 1)
        }
      }
    }

    /// Several buckets; a model of less than one grain, of which one rank has all; and partial sums of unequal numbers.
    @Test func sharesOfAnySizeDoNotChangeOneBit() throws {
      try withWorld { world in
        let alone = try world.split(color: world.rank, key: 0)
        let adamw = Configuration.Optimizer(kind: .adamw, learningRate: 3e-3)
        for (hidden, bytes, microbatch) in [
          ([300, 300], 4096, 5), ([20], 25 << 20, 5), ([200, 100], 1, 12),
        ] {
          let plain = configuration(
            adamw, hidden: hidden, clipNorm: 0.5, bucketBytes: bytes, microbatch: microbatch, sharded: false)
          var sharded = plain
          sharded.training.optimizer.sharded = true
          let expected = try digests(plain, steps: 4, alone)
          let found = try digests(sharded, steps: 4, world)
          #expect(found == expected, "\(hidden)")
        }
      }
    }

    /// Two addends have one sum. With more ranks chunks are cut elsewhere, so that some elements are added in another order.
    @Test(arguments: [Configuration.Communication.Algorithm.ring, .direct], [true, false])
    func fastModeIsTheUnshardedOneUpToTheOrderOfAdditions(
      algorithm: Configuration.Communication.Algorithm, overlap: Bool
    ) throws {
      try withWorld { world in
        let sgd = Configuration.Optimizer(kind: .sgd, learningRate: 0.1, momentum: 0.9)
        let sharded = configuration(sgd, algorithm: algorithm, clipNorm: 0.5, overlap: overlap)
        var plain = sharded
        plain.training.optimizer.sharded = false
        if world.size <= 2 {
          let (found, expected) = (try digests(sharded, world), try digests(plain, world))
          #expect(found == expected)
          return
        }
        let (a, b) = (try trainer(sharded, world), try trainer(plain, world))
        defer {
          a.close()
          b.close()
        }
        for step in 0..<5 {
          let (first, second) = (try a.trainStep(), try b.trainStep())
          #expect(abs(first - second) < 1e-4, "step \(step): \(first), \(second)")
        }
        let hash = Int64(bitPattern: ContentHash.fnv1a(a.executor.weightsSHA256.utf8))
        let hashes = try world.allgather(hash)
        #expect(Set(hashes).count == 1)
      }
    }

    @Test func theStateIsDividedByTheRanks() throws {
      try withWorld { world in
        let trainer = try trainer(configuration(.init(kind: .adamw)), world)
        defer { trainer.close() }
        let (core, count) = (trainer.state.layout.core, trainer.network.graph.arenaCount)
        guard world.size > 1 else {
          #expect(core.share == nil)
          return
        }
        let share = try #require(core.share)
        let total = try world.allreduce(share.count, .sum)
        #expect(total == count)
        let (least, most) = (
          try world.allreduce(share.count, .minimum), try world.allreduce(share.count, .maximum)
        )
        #expect(least > 0 && most <= (count + world.size - 1) / world.size + Bucket.grain)
        // The memory itself: two states of the share's length, up to a page each.
        let parameters = core.parametersOffset + core.arenaStride
        #expect(core.byteCount - parameters <= 2 * (4 * share.count + 4096))
        #expect(trainer.reducer.way.isSharded && trainer.reducer.names[0] == "sharded/tree")
      }
    }

    /// Over all ranks. Shares are whole grains, so that a rank may send a little more than another.
    @Test(arguments: [Configuration.Communication.Algorithm.ring, .direct, .tree], [4096, 25 << 20])
    func noMoreBytesTravelThanWithoutSharding(
      algorithm: Configuration.Communication.Algorithm, bucketBytes: Int
    ) throws {
      try withWorld { world in
        // 12 microbatches: on each number of ranks all have as many partial sums.
        var configuration = configuration(
          .init(kind: .adamw), algorithm: algorithm, bucketBytes: bucketBytes)
        let sharded = try bytesOfAStep(configuration, world)
        configuration.training.optimizer.sharded = false
        let plain = try bytesOfAStep(configuration, world)
        #expect(sharded <= plain && (sharded > 0 || world.size == 1), "\(sharded), unsharded \(plain)")
      }
    }

    /// As between hosts, where the size of a share decides between direct exchange and the ring.
    @Test func sharesOfSumsComeToTheirRanksAndGoToAll() throws {
      try withWorld { world in
        guard world.size > 1 else { return }
        for (count, bytes) in [(100, 1), (9 * Bucket.grain + 17, 1), (9 * Bucket.grain + 17, 25 << 20)] {
          let (gradients, parameters) = (Arena(count: count), Arena(count: count))
          for place in 0..<count { gradients.base[place] = Float((place % 1_000 + 1) * (world.rank + 1)) }
          let ranks = world.size * (world.size + 1) / 2
          let buckets = Bucket.ranges(count: count, bytes: bytes, sharedBy: world.size)
          let reducing = try #require(
            try BucketAllreduce(
              .sharded(.fitting), leaves: world.size, wire: .float32, gradients: [gradients],
              gradientStride: 0, arenas: nil,
              host: [], ownsThread: false, world: world))
          let exchange = try ShardExchange(.fitting, buckets: buckets, world: world)
          for (number, bucket) in buckets.enumerated() {
            try reducing.reduce(bucket)
            for place in reducing.share(of: bucket) { parameters.base[place] = gradients.base[place] }
            try exchange.gather(parameters, bucket: number)
          }
          let isRight = (0..<count).allSatisfy { parameters.base[$0] == Float(($0 % 1_000 + 1) * ranks) }
          #expect(isRight, "\(count) elements, buckets of \(bytes) bytes")
        }
      }
    }

    /// A step whose gradients are not finite changes nothing, on any rank.
    @Test func aSkippedStepLeavesTheRanksAlike() throws {
      try withWorld { world in
        let trainer = try trainer(configuration(.init(kind: .sgd, learningRate: 1e30)), world)
        defer { trainer.close() }
        for _ in 0..<4 { try trainer.trainStep() }
        #expect(trainer.progress.skippedSteps > 0)
        let hash = Int64(bitPattern: ContentHash.fnv1a(trainer.executor.weightsSHA256.utf8))
        let hashes = try world.allgather(hash)
        #expect(Set(hashes).count == 1)
      }
    }

    /// What sharded ranks wrote is read by one rank, by all sharded, and by all without sharding; and what one wrote by sharded ranks.
    @Test func aCheckpointGoesOnWithAnyShares() throws {
      try withWorld { world in
        let directory = try world.broadcast(
          FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
        defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: directory) } }
        var plain = configuration(
          .init(kind: .adamw, learningRate: 3e-3), clipNorm: 0.5, bucketBytes: 4096, sharded: false)
        plain.training.emaDecay = 0.9
        var sharded = plain
        sharded.training.optimizer.sharded = true
        let alone = try world.split(color: world.rank, key: 0)
        let expected = try digests(plain, alone)

        func write(_ configuration: Configuration, to directory: String, _ world: borrowing Communicator)
          throws
        {
          let trainer = try trainer(configuration, world)
          defer { trainer.close() }
          let checkpointer = Checkpointer(trainer, directory: directory, keep: 1)
          for _ in 0..<5 { try trainer.trainStep() }
          let hasBegun = try checkpointer.begin()
          #expect(hasBegun)
          try checkpointer.finish()
        }
        func goOn(_ configuration: Configuration, from directory: String, _ world: borrowing Communicator)
          throws
        {
          let store = CheckpointStore(directory: directory)
          let resumption = Resumption(run: nil, from: world.rank == 0 ? .run(store) : .none)
          let trainer = try trainer(configuration, resumption: resumption, world)
          defer { trainer.close() }
          #expect(trainer.step == 5)
          let found = try (0..<5).map { _ in
            "\(try trainer.trainStep()) \(trainer.executor.weightsSHA256)"
          }
          #expect(found == Array(expected[5...]))
        }

        try write(sharded, to: "\(directory)/sharded", world)
        if world.rank == 0 { try write(plain, to: "\(directory)/alone", alone) }
        try world.barrier()
        for configuration in [sharded, plain] {
          try goOn(configuration, from: "\(directory)/sharded", world)
          try goOn(configuration, from: "\(directory)/alone", world)
        }
        if world.rank == 0 { try goOn(sharded, from: "\(directory)/sharded", alone) }
        let half = try world.split(color: world.rank % 2, key: 0)
        try goOn(sharded, from: "\(directory)/sharded", half)
        try world.barrier()
      }
    }

    /// Each rank keeps its share of the average, and evaluates all of it.
    @Test func theAverageOfTheWeightsIsSharedOutToo() throws {
      try withWorld { world in
        let alone = try world.split(color: world.rank, key: 0)
        var plain = configuration(.init(kind: .adamw, learningRate: 3e-3), bucketBytes: 4096, sharded: false)
        plain.training.emaDecay = 0.7
        var sharded = plain
        sharded.training.optimizer.sharded = true
        func evaluations(_ configuration: Configuration, _ world: borrowing Communicator) throws -> [String] {
          let trainer = try trainer(configuration, world)
          defer { trainer.close() }
          return try (0..<4).map { _ in
            try trainer.trainStep()
            let loss = try trainer.evaluate().metrics["loss"] ?? 0
            let average = try #require(try trainer.average())
            let bits = (0..<average.count).map { String(average.base[$0].bitPattern) }
            return
              "\(loss) \(trainer.executor.weightsSHA256) \(ContentHash.fnv1a(bits.joined(separator: " ").utf8))"
          }
        }
        let expected = try evaluations(plain, alone)
        let found = try evaluations(sharded, world)
        #expect(found == expected && Set(expected).count == 4)
      }
    }

    /// Ranks of one host that share memory have the state once already.
    @Test func sharedMemoryStaysAsItIs() throws {
      try withWorld { world in
        var shared = configuration(.init(kind: .adamw, learningRate: 3e-3), algorithm: .auto)
        shared.training.reproducible = true
        var plain = shared
        plain.training.optimizer.sharded = false
        let expected = try digests(plain, steps: 3, world)
        let found = try digests(shared, steps: 3, world)
        #expect(found == expected)
      }
    }
  }
}

@Suite struct ShardedOptimizerTests {
  @Test func aShareKnowsWhereEachElementsStateLies() {
    let share = StateShare([40..<60, 5..<5, 10..<20])
    #expect(share.ranges == [10..<20, 40..<60] && share.count == 30)
    #expect([10, 19, 40, 59].map { share.place(of: $0) } == [0, 9, 10, 29])
  }

  @Test func halvesOfAShareHaveAllOfItsElementsInOrder() {
    for ranges in [[], [0..<1], [3..<10], [10..<20, 40..<60], [0..<5, 5..<6, 7..<100, 200..<203]]
      as [[Range<Int>]]
    {
      let share = StateShare(ranges)
      let halves = share.halves
      #expect(halves.map(\.count) == [share.count / 2, share.count - share.count / 2])
      #expect(halves.flatMap { $0.ranges.flatMap(Array.init) } == share.ranges.flatMap(Array.init))
    }
  }

  @Test func inspectionSaysThatTheStateIsDivided() throws {
    for sharded in [true, false] {
      let configuration = configuration(.init(kind: .adamw), sharded: sharded)
      let inspection = try Inspection(configuration, data: try configuration.loadData())
      #expect(inspection.memory.optimizerIsSharded == sharded)
      #expect(inspection.table.contains(" MB / ranks, activations ") == sharded)
    }
  }

  /// For any number of ranks and any size of buckets.
  @Test func sharesCoverTheArenaInWholeGrains() {
    for count in [1, 100, Bucket.grain, Bucket.grain + 1, 20 * Bucket.grain + 17] {
      for size in 1...9 {
        for bytes in [1, 65_536, 300_000, 25 << 20] {
          let buckets = Bucket.ranges(count: count, bytes: bytes, sharedBy: size)
          var lengths = [Int](repeating: 0, count: size)
          var end = count
          for bucket in buckets {
            #expect(bucket.upperBound == end && bucket.lowerBound % Bucket.grain == 0)
            end = bucket.lowerBound
            var next = bucket.lowerBound
            for rank in 0..<size {
              let share = Bucket.share(of: bucket, rank: rank, size: size)
              #expect(share.lowerBound == next && (next % Bucket.grain == 0 || next == count))
              next = share.upperBound
              lengths[rank] += share.count
            }
            #expect(next == bucket.upperBound)
          }
          #expect(end == 0 && lengths.reduce(0, +) == count)
          #expect(
            (lengths.max() ?? 0) - (lengths.min() ?? 0) < 2 * Bucket.grain, "\(count), \(size), \(bytes)")
        }
      }
    }
  }

  @Test(arguments: [
    (
      "communication.algorithm=halving-doubling",
      "communication.algorithm: halving-doubling is no way to give each rank"
    ),
    (
      "communication.algorithm=two-level",
      "communication.algorithm: two-level has the optimizer's state once on every host"
    ),
    (
      "communication.wire=bfloat16",
      "communication.wire: parameters of a sharded run travel as they are; set it to float32"
    ),
  ])
  func whatCannotBeShardedIsRefusedInOneLine(override: String, refusal: String) throws {
    let text = """
      model: { kind: mlp, hidden: [8] }
      data: { source: digits }
      training: { batch: 32, epochs: 1, reproducible: false, optimizer: { sharded: true } }
      """
    #expect(try Configuration(yaml: text).training.optimizer.sharded)
    let error = #expect(throws: ConfigurationError.self) {
      try Configuration(yaml: text, overrides: [override])
    }
    #expect(error?.description.contains(refusal) == true, "\(error?.description ?? "")")
  }
}
