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
    @Test(arguments: [false, true], [false, true])
    func sumsOfAllRanksOfTheHostAreComplete(overlap: Bool, reproducible: Bool) throws {
      let optimizer = Configuration.Optimizer(kind: .adamw, learningRate: 3e-3)
      let configuration = Configuration(
        name: "test", seed: 3, model: .init(kind: .mlp, hidden: [500, 500]), data: .init(source: .digits),
        training: .init(
          batch: 60, microbatch: 5, steps: 16, optimizer: optimizer, reproducible: reproducible),
        communication: .init(algorithm: .twoLevel, overlap: overlap))
      let data = try configuration.loadData()
      let network = try Trainer.network(configuration, data: data)
      try withWorld { world in
        let look = Look()
        let trainer = try Trainer(
          configuration, data: data, network: network,
          optimizer: HaltingOptimizer(whole: ReadyMade.optimizer(optimizer)) {
            look.take?()
            look.take = nil
          }, pool: ThreadPool(threads: 1), world: world)
        defer { trainer.close() }
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
          look.take = { found = sumsOfOthers() }
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
