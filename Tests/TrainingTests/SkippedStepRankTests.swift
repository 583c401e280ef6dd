import BLAS
import Collectives
import Datasets
import Graph
import MPI
import MPITestSupport
import NeuralNetwork
import Testing

@testable import Training

/// Six samples, each a microbatch, whose gradients are near the largest number: whether their sum in the tree's order is finite
/// depends on the order of the samples, that is on the seed.
private let shares: [Float] = [1, -1, 0.9, -0.9, 0.8, -0.7]
private let magnitude: Float = 2.5e38

private func configuration(seed: UInt64, _ algorithm: Configuration.Communication.Algorithm) -> Configuration
{
  Configuration(
    name: "test", seed: seed, model: .init(kind: .linear), data: .init(source: .digits),
    training: .init(
      batch: 6, microbatch: 1, steps: 1, optimizer: .init(kind: .sgd, learningRate: 1e-38),
      reproducible: true),
    communication: .init(algorithm: algorithm))
}

/// Whether the step was skipped, and the weight after it.
private func step(_ configuration: Configuration, _ world: borrowing Communicator) throws -> (Bool, UInt32) {
  // The gradient of (w x - t)² / 6 at w = 0 is -t x / 3.
  let target: Float = 1e4
  let features = shares.map { $0 * magnitude / target * -3 }
  let data = Dataset(
    features: features, labels: .values(shares.map { _ in target }), featureNames: ["x"], labelName: "y")
  let split = DatasetSplit(train: data, test: data)
  let network = try Trainer.network(configuration, data: split) { x in
    dense(x, weight: x.trace.parameter("weight", [1, 1], .zeros))
  }
  let trainer = try Trainer(
    configuration, data: split, network: network, pool: ThreadPool(threads: 1), world: world)
  defer { trainer.close() }
  try trainer.trainStep()
  let weight = trainer.executor.values(of: network.graph.parameters[0])[0]
  return (trainer.progress.skippedInARow == 1, weight.bitPattern)
}

/// What the order of the samples comes to.
private func sum(seed: UInt64) -> Float {
  let order = SampleOrder(seed: seed, count: 6).permutation(epoch: 0)
  func value(_ order: AdditionOrder) -> Float {
    switch order {
    case .contribution(let leaf): shares[leaf] * magnitude
    case .sum(let left, let right): value(left) + value(right)
    }
  }
  func arranged(_ tree: AdditionOrder) -> AdditionOrder {
    switch tree {
    case .contribution(let leaf): .contribution(of: order[leaf])
    case .sum(let left, let right): .sum(arranged(left), arranged(right))
    }
  }
  return value(arranged(ReductionTree(leaves: 6).order))
}

extension RankTests {
  @Suite struct SkippedStepRankTests {
    @Test func aStepIsSkippedExactlyIfTheSumIsNotFiniteOnAnyNumberOfRanks() throws {
      try withWorld { world in
        var skips = 0
        for seed in 1...12 as ClosedRange<UInt64> {
          let isFinite = sum(seed: seed).isFinite
          if !isFinite { skips += 1 }
          let alone = try world.split(color: world.rank, key: 0)
          let expected = try step(configuration(seed: seed, .auto), alone)
          #expect(expected.0 == !isFinite, "seed \(seed)")
          for algorithm in [Configuration.Communication.Algorithm.auto, .tree, .twoLevel] {
            let found = try step(configuration(seed: seed, algorithm), world)
            #expect(found == expected, "seed \(seed), \(algorithm), \(world.size) ranks")
          }
        }
        #expect(skips > 0 && skips < 12)
      }
    }
  }
}
