import BLAS
import Checkpoints
import Datasets
import Foundation
import MPI
import MPITestSupport
import NeuralNetwork
import Testing

@testable import Graph
@testable import Training

extension RankTests {
  /// Training with a sharded optimizer that some ranks begin and others end, from what the first have left in memory.
  @Suite(.enabled(if: shardRankCount <= 4)) struct SurvivingShardsRankTests {
    /// About 50,000 parameters in 4 grains; norms of the gradient and of tensors, and an average of the weights.
    private static func configuration(_ kind: Configuration.Optimizer.Kind = .lamb) -> Configuration {
      var training = Configuration.Training(
        batch: 60, microbatch: 5, steps: 8, optimizer: .init(kind: kind, learningRate: 3e-3))
      training.clipNorm = 0.3
      training.emaDecay = 0.9
      return Configuration(
        name: "test", seed: 3, model: .init(kind: .mlp, hidden: [300, 90], dropout: 0.1),
        data: .init(source: .digits), training: training,
        communication: .init(algorithm: .tree, bucketBytes: 1))
    }

    private struct Run {
      let configuration: Configuration
      let network: Network
      let data: DatasetSplit
      let name: String

      init(_ configuration: Configuration, _ world: borrowing Communicator) throws {
        self.configuration = configuration
        data = try configuration.loadData()
        network = try Trainer.network(configuration, data: data)
        name = try world.broadcast(String(UInt64.random(in: 1...UInt64.max), radix: 16), root: 0)
      }

      /// A life on some ranks of the world, up to a step.
      ///
      /// - Parameters:
      ///   - begins: at which step, in memory; nil for the beginning.
      ///   - last: whether it leaves nothing.
      /// - Returns: losses and weights after each step, and the average at the end.
      func live(
        _ ranks: Int, sharded: Bool = true, copies: Bool = false, begins: Int?, to step: Int,
        last: Bool = false, _ world: borrowing Communicator
      ) throws -> [String] {
        var course: [String] = []
        if let part = try world.split(color: world.rank < ranks ? 0 : nil, key: 0) {
          var configuration = configuration
          configuration.training.optimizer.sharded = sharded
          configuration.checkpoint.neighbourCopy = copies ? .always : .never
          let trainer = try Trainer(
            configuration, data: data, network: network, pool: ThreadPool(threads: 1),
            instruments: Instruments(configuration.communication, world: part), ownsInstruments: true,
            resumption: Resumption(run: name, from: .none), world: part)
          defer { trainer.close() }
          #expect(trainer.origin == (begins == nil ? .beginning : .memory) && trainer.step == begins ?? 0)
          while trainer.step < step {
            course.append("\(try trainer.trainStep()) \(trainer.executor.weightsSHA256)")
          }
          let average = try #require(try trainer.average())
          let bits = (0..<average.count).map { average.base[$0].bitPattern }
          course.append("\(ContentHash.fnv1a(bits.map { String($0) }.joined(separator: " ").utf8))")
          if last { trainer.state.file.unlinkName() }
        }
        try world.barrier()
        return course
      }

      var names: [String] { SharedFile.names(prefix: "rondo-\(name)-") }
    }

    private static func undisturbed(
      _ configuration: Configuration, _ world: borrowing Communicator
    ) throws -> [String] {
      let alone = try world.split(color: world.rank, key: 0)
      return try Run(configuration, alone).live(1, sharded: false, begins: nil, to: 8, last: true, alone)
    }

    /// All pairs of which the larger is the size of the world, so that all worlds together try all pairs once; and between sharded and not.
    @Test func anyNumberOfRanksGoesOnWithTheSameBits() throws {
      try withWorld { world in
        let configuration = Self.configuration()
        let expected = try Self.undisturbed(configuration, world)
        let size = world.size
        let pairs = (1...size).flatMap { $0 == size ? [(size, size)] : [($0, size), (size, $0)] }
        let cases =
          pairs.map { ($0.0, $0.1, true, true) } + [(size, size, true, false), (size, size, false, true)]
        for (number, (from, to, wasSharded, isSharded)) in cases.enumerated() {
          let run = try Run(configuration, world)
          _ = try run.live(from, sharded: wasSharded, copies: number % 2 == 1, begins: nil, to: 5, world)
          let found = try run.live(
            to, sharded: isSharded, copies: number % 3 == 1, begins: 5, to: 8, last: true, world)
          #expect(
            world.rank >= to || found == Array(expected[5...]),
            "\(from) to \(to) ranks, sharded \(wasSharded) to \(isSharded)")
          #expect(run.names.isEmpty)
          try world.barrier()
        }
      }
    }

    /// Whichever rank loses its memory, as with its host: the others have all of it, and go on where all were.
    @Test(arguments: [Configuration.Optimizer.Kind.lamb, .adamw])
    func aLostRankCostsNothing(kind: Configuration.Optimizer.Kind) throws {
      try withWorld { world in
        guard world.size > 1 else { return }
        let configuration = Self.configuration(kind)
        let expected = try Self.undisturbed(configuration, world)
        // The lost rank comes back empty, or does not.
        for ranks in [world.size, world.size - 1] {
          let run = try Run(configuration, world)
          for (number, step) in [3, 5, 8].enumerated() {
            let begins = number == 0 ? nil : number == 1 ? 3 : 5
            let living = number == 0 ? world.size : ranks
            let found = try run.live(
              living, copies: living > 1, begins: begins, to: step, last: step == 8, world)
            #expect(world.rank >= living || found.dropLast() == expected[(begins ?? 0)..<step])
            if step < 8, world.rank == 0, let lost = run.names.randomElement(), living > 1 {
              SharedFile.remove(name: lost)
            }
            try world.barrier()
          }
          #expect(run.names.isEmpty)
          try world.barrier()
        }
      }
    }

    /// Without copies, the run begins anew rather than with a part of its state.
    @Test func withoutCopiesALostRankLosesTheState() throws {
      try withWorld { world in
        guard world.size > 1 else { return }
        let run = try Run(Self.configuration(), world)
        _ = try run.live(world.size, begins: nil, to: 2, world)
        // The one with the most: some may have nothing.
        let largest = run.names.max { size($0) < size($1) }
        try world.barrier()
        if world.rank == 0, let largest { SharedFile.remove(name: largest) }
        try world.barrier()
        _ = try run.live(world.size, begins: nil, to: 1, last: true, world)
        #expect(run.names.isEmpty)
      }
    }

    private func size(_ name: String) -> Int {
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(SharedFile.folder)/\(name)")
      return attributes?[.size] as? Int ?? 0
    }

    /// Copies are brought up to date by as many bytes as a rank's share of the gradients has, and nothing else is sent for them.
    @Test func aCopyCostsAShareOfTheGradients() throws {
      try withWorld { world in
        guard world.size > 1 else { return }
        let run = try Run(Self.configuration(.adamw), world)
        let (without, with) = (
          try Self.bytes(run, .never, world), try Self.bytes(run, .always, world)
        )
        let count = run.network.graph.arenaCount
        #expect(with.sent - without.sent == 4 * count)
        #expect(without.count == count && with.count == 2 * count)
        // On one host there is nobody who would outlive the others.
        let unasked = try Self.bytes(run, .auto, world)
        #expect(unasked.sent == without.sent)
      }
    }

    /// What all ranks send in a step, and for how many elements they have state.
    private static func bytes(
      _ run: Run, _ copies: Configuration.Checkpoint.NeighbourCopy, _ world: borrowing Communicator
    ) throws -> (sent: Int, count: Int) {
      var configuration = run.configuration
      configuration.training.optimizer.sharded = true
      configuration.checkpoint.neighbourCopy = copies
      let trainer = try Trainer(
        configuration, data: run.data, network: run.network, pool: ThreadPool(threads: 1),
        instruments: Instruments(configuration.communication, world: world), ownsInstruments: true,
        resumption: Resumption(run: run.name, from: .none), world: world)
      defer {
        trainer.close()
        trainer.state.file.unlinkName()
      }
      try trainer.trainStep()
      return (
        try world.allreduce(trainer.reducer.statistics.bytesSent, .sum),
        try world.allreduce(trainer.state.layout.core.share?.count ?? 0, .sum)
      )
    }
  }
}

private let shardRankCount =
  ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_SIZE"].flatMap { Int($0) } ?? 1
