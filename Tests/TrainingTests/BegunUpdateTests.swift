import BLAS
import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Training

/// What a rank finds when it begins to update: if the run is killed then, the next life finishes the update from it.
extension RankTests {
  @Suite(.enabled(if: isUnderLauncher)) struct BegunUpdateRankTests {
    /// Looks once when an update begins. `@unchecked Sendable` is safe because the rank's only thread sets it and calls it.
    private final class Look: @unchecked Sendable {
      var take: (() -> Void)?
    }

    /// On two levels each rank of a host updates its chunk, and has the sums of that alone. Who began when only its own are complete would leave
    /// chunks that nobody can finish.
    ///
    /// What is updated before other buckets have arrived can be taken back, and does not count as begun.
    @Test(arguments: ["after backward", "with overlap", "early"], [false, true])
    func sumsOfAllRanksOfTheHostAreComplete(buckets: String, reproducible: Bool) throws {
      let (overlap, early) = (buckets != "after backward", buckets == "early")
      let optimizer = Configuration.Optimizer(kind: .adamw, learningRate: 3e-3)
      let configuration = Configuration(
        name: "test", seed: 3, model: .init(kind: .mlp, hidden: [500, 500]), data: .init(source: .digits),
        training: .init(
          batch: 60, microbatch: 5, steps: 16, optimizer: optimizer, reproducible: reproducible),
        communication: .init(
          algorithm: .twoLevel, bucketBytes: 384 << 10, overlap: overlap,
          earlyUpdateBytes: early ? 64 << 20 : 0))
      let data = try configuration.loadData()
      let network = try Trainer.network(configuration, data: data)
      try withWorld { world in
        let look = Look()
        let run = String(try world.broadcast(UInt64.random(in: 1...UInt64.max), root: 0), radix: 16)
        let trainer = try Trainer(
          configuration, data: data, network: network,
          optimizer: HaltingOptimizer(whole: ReadyMade.optimizer(optimizer)) { look.take?() },
          pool: ThreadPool(threads: 1),
          instruments: Instruments(configuration.communication, world: world), ownsInstruments: true,
          resumption: Resumption(run: run, from: .none), world: world)
        defer {
          trainer.close()
          trainer.state.file.unlinkName()
        }
        func sumsOfOthers() -> [Data] {
          let state = trainer.state
          return trainer.pieces.pieces.indices.filter { Int(state.owners[$0]) != state.member }.map {
            let range = trainer.pieces.pieces[$0].range
            return Data(
              bytes: state.gradients[Int(state.owners[$0])][0].base + range.lowerBound, count: 4 * range.count
            )
          }
        }
        for step in 1...16 {
          var found: [Data] = []
          look.take = { [unowned trainer] in
            let state = trainer.state
            guard state.slot(state.member).updating.pointee.load(ordering: .relaxed) == step else { return }
            found = sumsOfOthers()
            look.take = nil
          }
          try trainer.trainStep()
          // Nobody writes gradients before all are here.
          try world.barrier()
          let complete = sumsOfOthers()
          #expect(found == complete && complete.isEmpty == (world.size == 1), "step \(step)")
          try world.barrier()
        }
      }
    }
  }
}
