import BLAS
import Datasets
import Foundation
import Graph
import MPI
import MPITestSupport
import Optimizers
import Testing

@testable import Training

/// Buckets are updated while others travel.
@Suite struct EarlyUpdatesTests {
  private static func graph() throws -> Graph {
    let configuration = Configuration(
      model: .init(kind: .mlp, hidden: [260, 260]), data: .init(source: .digits),
      training: .init(batch: 60, microbatch: 5))
    return try Trainer.network(configuration, data: try configuration.loadData()).graph
  }

  private static func plan(
    _ graph: Graph, bucketBytes: Int = 64 << 10, stateCount: Int = 2, buffers: Int = 1, limit: Int = 64 << 20,
    keepsCopies: Bool = true, needsNorms: Bool = false, overlap: Bool = true
  ) -> EarlyUpdates? {
    let pieces = UpdatePieces(graph)
    return EarlyUpdates(
      pieces, buckets: Bucket.ranges(count: graph.arenaCount, bytes: bucketBytes), needsNorms: needsNorms,
      core: .init(
        arenaCount: graph.arenaCount, stateCount: stateCount, pieceCount: pieces.pieces.count),
      buffers: buffers, keepsCopies: keepsCopies,
      communication: .init(overlap: overlap, earlyUpdateBytes: limit))
  }

  @Test func allButTheLastBucketIfTheCopiesFit() throws {
    let graph = try Self.graph()
    let pieces = UpdatePieces(graph).pieces
    let last = Bucket.ranges(count: graph.arenaCount, bytes: 64 << 10).last ?? 0..<0
    let plan = try #require(Self.plan(graph))
    #expect(pieces[plan.first].range.lowerBound >= last.upperBound)
    #expect(pieces[plan.first - 1].range.lowerBound < last.upperBound)
    #expect(plan.count == graph.arenaCount - pieces[plan.first].range.lowerBound)
  }

  @Test func copiesStayWithinTheLimit() throws {
    let graph = try Self.graph()
    for limit in stride(from: 20_000, to: 900_000, by: 17_001) {
      for (stateCount, buffers) in [(0, 1), (1, 1), (2, 1), (2, 2), (2, 3), (3, 1)] {
        let arenas = max(0, 1 + stateCount - buffers)
        let plan = Self.plan(graph, stateCount: stateCount, buffers: buffers, limit: limit)
        if arenas == 0 { #expect(plan == Self.plan(graph)) }
        guard let plan else { continue }
        #expect(4 * arenas * plan.count <= limit)
        // One piece more would be too much, or would belong to the last bucket.
        let more = graph.arenaCount - UpdatePieces(graph).pieces[plan.first - 1].range.lowerBound
        #expect(4 * arenas * more > limit || plan == Self.plan(graph))
      }
    }
  }

  @Test func noneWhereNormsDecideOrNothingTravels() throws {
    let graph = try Self.graph()
    #expect(Self.plan(graph, needsNorms: true) == nil)
    #expect(Self.plan(graph, overlap: false) == nil)
    #expect(Self.plan(graph, limit: 0) == nil)
    #expect(Self.plan(graph, limit: 100)?.count == 0)
    #expect(Self.plan(graph, bucketBytes: 64 << 20) == nil)
    // Without copies any limit will do.
    #expect(Self.plan(graph, limit: 100, keepsCopies: false) == Self.plan(graph))
  }

  /// Copies are of what is in a share, and whether ranks update early at all is the same for all of them.
  @Test func sharesCopyWhatTheyHave() throws {
    let graph = try Self.graph()
    let pieces = UpdatePieces(graph).pieces
    let buckets = Bucket.ranges(count: graph.arenaCount, bytes: 64 << 10, sharedBy: 2)
    for limit in [100, 100_000, 64 << 20] {
      for rank in 0..<2 {
        let share = StateShare(of: buckets, rank: rank, size: 2, keepers: nil)
        let plan = try #require(
          EarlyUpdates(
            UpdatePieces(graph), buckets: buckets, needsNorms: false,
            core: .init(arenaCount: graph.arenaCount, stateCount: 2, pieceCount: pieces.count, share: share),
            buffers: 1, keepsCopies: true, communication: .init(earlyUpdateBytes: limit)))
        #expect(8 * plan.count <= limit)
        let own = pieces[plan.first...].map(\.range).filter { share.contains($0.lowerBound) }
        #expect(plan.count == own.first.map { share.count - share.place(of: $0.lowerBound) } ?? 0)
        // With room for all, that is what is above the last bucket.
        let above = share.ranges.filter { $0.lowerBound >= buckets[buckets.count - 1].upperBound }
        let all = above.reduce(0) { $0 + $1.count }
        #expect(limit < 64 << 20 ? plan.count < all : plan.count == all)
      }
    }
  }
}

extension RankTests {
  @Suite(.enabled(if: isUnderLauncher)) struct EarlyUpdateRankTests {
    /// Counts updates of pieces that begin before all sums of the step are there. `@unchecked Sendable` is safe because the rank's only
    /// thread sets it and calls it.
    private final class Count: @unchecked Sendable {
      var isEarly: () -> Bool = { false }
      var early = 0
    }

    private static func configuration(
      _ algorithm: Configuration.Communication.Algorithm, _ kind: Configuration.Optimizer.Kind,
      sharded: Bool = false, early: Bool
    ) -> Configuration {
      Configuration(
        name: "test", seed: 3, model: .init(kind: .mlp, hidden: [400, 400]), data: .init(source: .digits),
        training: .init(
          batch: 60, microbatch: 5, steps: 12,
          optimizer: .init(kind: kind, learningRate: 3e-3, sharded: sharded),
          clipValue: 0.01, emaDecay: 0.9, reproducible: algorithm != .ring),
        communication: .init(
          algorithm: algorithm, bucketBytes: 64 << 10, earlyUpdateBytes: early ? 64 << 20 : 0))
    }

    /// The weights after each step, and how many updates were early on all ranks.
    ///
    /// - Parameter survives: whether early updates can be taken back.
    private static func course(
      _ configuration: Configuration, survives: Bool, data: DatasetSplit? = nil,
      _ world: borrowing Communicator
    ) throws -> (weights: [Data], early: Int) {
      let data = try data ?? configuration.loadData()
      let network = try Trainer.network(configuration, data: data)
      let count = Count()
      let name = String(try world.broadcast(UInt64.random(in: 1...UInt64.max), root: 0), radix: 16)
      let run = survives ? name : nil
      let trainer = try Trainer(
        configuration, data: data, network: network,
        optimizer: HaltingOptimizer(whole: ReadyMade.optimizer(configuration.training.optimizer)) {
          if count.isEarly() { count.early += 1 }
        }, pool: ThreadPool(threads: 1),
        instruments: Instruments(configuration.communication, world: world), ownsInstruments: true,
        resumption: Resumption(run: run, from: .none), world: world)
      defer {
        trainer.close()
        trainer.state.file.unlinkName()
      }
      count.isEarly = { [unowned trainer] in
        let state = trainer.state
        return state.slot(state.member).updating.pointee.load(ordering: .relaxed) == state.step
      }
      var weights: [Data] = []
      for _ in 0..<12 {
        try trainer.trainStep()
        weights.append(Data(bytes: trainer.state.parameters.base, count: 4 * network.graph.arenaCount))
      }
      return (weights, try world.allreduce(count.early, .sum))
    }

    /// One sample of each epoch of three steps is infinite.
    @Test func aStepThatIsSkippedChangesNothing() throws {
      let digits = try Self.configuration(.tree, .adamw, early: true).loadData().train
      var features = Array(digits.features.prefix(180 * 64))
      features[70 * 64 + 5] = .infinity
      let samples = Dataset(
        features: features, labels: .values((0..<180).map { Float($0 % 7) }),
        featureNames: (0..<64).map { "x\($0)" }, labelName: "y")
      let data = DatasetSplit(train: samples, test: samples)
      try withWorld { world in
        let plain = try Self.course(
          Self.configuration(.tree, .adamw, early: false), survives: true, data: data, world)
        let early = try Self.course(
          Self.configuration(.tree, .adamw, early: true), survives: true, data: data, world)
        #expect(early.weights == plain.weights)
        #expect(zip(early.weights, early.weights.dropFirst()).count { $0 == $1 } >= 3)
      }
    }

    @Test(arguments: [
      (Configuration.Communication.Algorithm.tree, false), (.ring, false), (.twoLevel, false), (.tree, true),
    ])
    func weightsHaveTheBitsOfUpdatesAtTheEnd(
      algorithm: Configuration.Communication.Algorithm, sharded: Bool
    ) throws {
      for kind in [Configuration.Optimizer.Kind.sgd, .adamw] {
        try withWorld { world in
          let plain = try Self.course(
            Self.configuration(algorithm, kind, sharded: sharded, early: false), survives: true, world)
          #expect(plain.early == 0)
          for survives in [false, true] {
            let early = try Self.course(
              Self.configuration(algorithm, kind, sharded: sharded, early: true), survives: survives, world)
            #expect(early.weights == plain.weights, "\(algorithm) \(kind) \(survives)")
            // On two levels one host sums a bucket in the time of an agreement; else it is a matter of time now and then.
            var count = early.early
            for _ in 0..<20 where count == 0 && world.size > 1 && algorithm != .twoLevel {
              count = try Self.course(
                Self.configuration(algorithm, kind, sharded: sharded, early: true), survives: survives, world
              ).early
            }
            #expect(
              count > 0 || world.size == 1 || algorithm == .twoLevel, "\(algorithm) \(kind) \(survives)")
          }
        }
      }
    }
  }
}
