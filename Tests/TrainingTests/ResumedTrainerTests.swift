import BLAS
import Checkpoints
import Datasets
import Foundation
import MPI
import MPITestSupport
import NeuralNetwork
import Testing

@testable import Training

extension RankTests {
  /// Training that some ranks begin and others end, in the middle of an epoch.
  @Suite struct ResumedTrainerTests {
    enum Means: CaseIterable {
      case memory, checkpoint
    }

    /// 5 steps an epoch, dropout on.
    private static func configuration(
      _ optimizer: Configuration.Optimizer = .init(kind: .adamw, learningRate: 3e-3)
    ) -> Configuration {
      Configuration(
        seed: 11, model: .init(kind: .mlp, hidden: [30, 20], dropout: 0.1), data: .init(source: .digits),
        training: .init(batch: 240, microbatch: 20, steps: 9, optimizer: optimizer))
    }

    /// A run's ranks, and what lets them find what others have left.
    private struct Life {
      let configuration: Configuration
      let network: Network
      let data: DatasetSplit
      let run: String
      let store: CheckpointStore

      init(_ configuration: Configuration, _ world: borrowing Communicator) throws {
        self.configuration = configuration
        data = try configuration.loadData()
        network = try Trainer.network(configuration, data: data)
        run = try world.broadcast(String(UInt64.random(in: 1...UInt64.max), radix: 16), root: 0)
        store = CheckpointStore(
          directory: try world.broadcast(
            FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0))
      }

      /// Of another configuration with the same model and data.
      ///
      /// - Parameter source: what it begins with, on rank 0.
      func trainer(
        _ configuration: Configuration, from source: Resumption.Source, _ world: borrowing Communicator
      ) throws -> Trainer {
        try Trainer(
          configuration, data: data, network: network, pool: ThreadPool(threads: 1),
          instruments: Instruments(.init(), world: world), ownsInstruments: true,
          resumption: Resumption(run: nil, from: world.rank == 0 ? source : .none), world: world)
      }

      /// Trains on `ranks` of the world up to a step, and leaves the state behind: in memory, or as a checkpoint alone.
      ///
      /// - Parameter begins: at which step, with what others have left; nil for the beginning.
      func train(
        _ algorithm: Configuration.Communication.Algorithm, ranks: Int, to step: Int, begins: Int?,
        leaving means: Means, _ world: borrowing Communicator
      ) throws -> String? {
        var digest: String?
        if let part = try world.split(color: world.rank < ranks ? 0 : nil, key: 0) {
          var configuration = configuration
          configuration.communication.algorithm = algorithm
          let instruments = try Instruments(configuration.communication, world: part)
          let trainer = try Trainer(
            configuration, data: data, network: network, pool: ThreadPool(threads: 1),
            instruments: instruments,
            ownsInstruments: true,
            resumption: Resumption(
              run: means == .memory ? run : nil, from: part.rank == 0 ? .run(store) : .none),
            world: part)
          let origin: StateContents.Origin =
            begins == nil ? .beginning : means == .memory ? .memory : .checkpoint
          #expect(trainer.origin == origin && trainer.step == begins ?? 0)
          while trainer.step < step { try trainer.trainStep() }
          digest = trainer.executor.weightsSHA256
          if means == .checkpoint, begins == nil {
            let checkpointer = Checkpointer(trainer, directory: store.directory, keep: 1)
            #expect(try checkpointer.begin())
            try checkpointer.finish()
            #expect(checkpointer.committedStep == step)
          }
          if begins != nil { trainer.state.file.unlinkName() }
          trainer.close()
        }
        try world.barrier()
        return digest
      }
    }

    /// Begins on P ranks and ends on Q, and compares with one rank that is not interrupted.
    private static func check(
      _ configuration: Configuration, stop: Int, _ cases: [(from: Int, to: Int)],
      _ world: borrowing Communicator
    ) throws {
      let alone = try world.split(color: world.rank, key: 0)
      let uninterrupted = try Life(configuration, alone)
      let steps = configuration.training.steps ?? 0
      let expected = try uninterrupted.train(
        .auto, ranks: 1, to: steps, begins: nil, leaving: .checkpoint, alone)
      if alone.rank == 0 { try FileManager.default.removeItem(atPath: uninterrupted.store.directory) }
      for (number, (from, to)) in cases.enumerated() {
        for means in Means.allCases {
          let life = try Life(configuration, world)
          // In shared memory or by messages, before and after.
          let ways: [Configuration.Communication.Algorithm] =
            number % 3 == 0 ? [.auto, .auto] : number % 3 == 1 ? [.tree, .tree] : [.auto, .tree]
          _ = try life.train(ways[0], ranks: from, to: stop, begins: nil, leaving: means, world)
          let digest = try life.train(ways[1], ranks: to, to: steps, begins: stop, leaving: means, world)
          #expect(
            world.rank >= to || digest == expected, "\(from) to \(to) ranks from \(means), \(ways)")
          guard world.rank == 0 else { continue }
          #expect(SharedFile.names(prefix: "rondo-\(life.run)-").isEmpty)
          try? FileManager.default.removeItem(atPath: life.store.directory)
        }
      }
    }

    /// All pairs of which the larger is the size of the world, so that all worlds together try all pairs once.
    @Test func anyNumberOfRanksGoesOnInTheMiddleOfAnEpochWithTheSameBits() throws {
      try withWorld { world in
        let size = world.size
        let cases = (1...size).flatMap { $0 == size ? [(size, size)] : [($0, size), (size, $0)] }
        try Self.check(Self.configuration(), stop: 7, cases, world)
      }
    }

    @Test(arguments: ["momentum", "average", "lamb and clipping"])
    func allThatTrainingKeepsIsTakenAlong(what: String) throws {
      try withWorld { world in
        var configuration = Self.configuration()
        switch what {
        case "momentum":
          configuration = Self.configuration(.init(kind: .sgd, learningRate: 0.05, momentum: 0.9))
        case "average":
          configuration.training.emaDecay = 0.9
        default:
          configuration = Self.configuration(.init(kind: .lamb, learningRate: 0.01))
          configuration.training.clipNorm = 0.1
        }
        let other = max(1, world.size - 1)
        try Self.check(configuration, stop: 3, [(world.size, other), (other, world.size)], world)
      }
    }

    /// Running statistics are a part of the state.
    @Test func batchNormIsTakenAlong() throws {
      try withWorld { world in
        let configuration = Configuration(
          seed: 2, model: .init(kind: .resnet20), data: .init(source: .digits),
          training: .init(
            batch: 10, microbatch: 2, steps: 3,
            optimizer: .init(kind: .sgd, learningRate: 0.05, momentum: 0.9)))
        try Self.check(configuration, stop: 2, [(world.size, max(1, world.size - 1))], world)
      }
    }

    /// Another optimizer would take the state for something else: a new run begins without, a run that goes on in its place is refused.
    @Test func stateOfAnotherOptimizerIsLeftBehind() throws {
      try withWorld { world in
        let sgd = Configuration.Optimizer(kind: .sgd, learningRate: 1e-2, momentum: 0.9)
        for (before, after) in [
          (Configuration.Optimizer(kind: .adamw), sgd), (sgd, .init(kind: .adamw)),
          (sgd, .init(kind: .sgd, learningRate: 1e-2)), (sgd, .init(kind: .lion)),
        ] {
          let life = try Life(Self.configuration(before), world)
          defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: life.store.directory) } }
          _ = try life.train(.auto, ranks: world.size, to: 3, begins: nil, leaving: .checkpoint, world)
          let newest = try #require(try life.store.newestWhole { Issue.record("\($0)") })
          let fresh = try life.trainer(Self.configuration(after), from: .checkpoint(newest), world)
          #expect(fresh.step == 3 && fresh.origin == .checkpoint)
          let model = try newest.model()
          for parameter in fresh.network.graph.parameters {
            #expect(
              Array(fresh.state.parameters[parameter.range]) == (try model.floats(parameter.name)))
          }
          for index in 0..<fresh.state.layout.core.stateCount {
            let arena = UnsafeBufferPointer(
              start: fresh.state.firstState + index * fresh.state.stateStride,
              count: fresh.state.layout.core.arenaCount)
            #expect(arena.allSatisfy { $0 == 0 })
          }
          fresh.close()
          var refusal: CommonFailure?
          do { _ = try life.trainer(Self.configuration(after), from: .run(life.store), world) } catch let
            failure
            as CommonFailure
          { refusal = failure }
          #expect(
            refusal?.exitStatus == 2
              && refusal?.description.contains("optimizer's state (\(before.kind)") == true,
            "\(String(describing: refusal))")
        }
      }
    }

    /// The average of the weights is a state like the optimizer's, after it in memory; it begins and ends without it.
    @Test func anAverageThatOnlyOneOfTwoRunsKeepsTakesNoPlaceOfTheOptimizersState() throws {
      try withWorld { world in
        var averaging = Self.configuration()
        averaging.training.emaDecay = 0.9
        for (before, after) in [(Self.configuration(), averaging), (averaging, Self.configuration())] {
          let life = try Life(before, world)
          defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: life.store.directory) } }
          _ = try life.train(.auto, ranks: world.size, to: 3, begins: nil, leaving: .checkpoint, world)
          let newest = try #require(try life.store.newestWhole { Issue.record("\($0)") })
          let next = try life.trainer(after, from: .checkpoint(newest), world)
          let stored = try ShardedTensors(newest.optimizerShards())
          for parameter in next.network.graph.parameters {
            for index in 0..<2 {
              var expected = [Float](repeating: 0, count: parameter.range.count)
              try expected.withUnsafeMutableBufferPointer {
                try stored.read("\(index).\(parameter.name)", count: $0.count, into: $0)
              }
              let found = UnsafeBufferPointer(
                start: next.state.firstState(of: parameter.offset) + index * next.state.stateStride,
                count: parameter.range.count)
              #expect(expected.contains { $0 != 0 } && found.elementsEqual(expected))
            }
            guard let average = next.state.average else { continue }
            #expect(Array(average[parameter.range]) == Array(next.state.parameters[parameter.range]))
          }
          #expect((next.state.average == nil) == (after.training.emaDecay == nil))
          next.close()
        }
      }
    }
  }
}
