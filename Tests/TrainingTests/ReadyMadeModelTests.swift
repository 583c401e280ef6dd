import BLAS
import Datasets
import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Training

/// Small forms of the ready-made models, 12 samples a step in 6 microbatches.
private func configuration(_ kind: Configuration.Model.Kind) -> Configuration {
  var model = Configuration.Model(
    kind: kind, layers: 2, heads: 2, width: 16, context: 12, channels: [4, 6])
  if kind == .tabular { model.hidden = [8] }
  if kind.isTransformer || kind == .tabular { model.dropout = 0.1 }
  return Configuration(
    name: "test", seed: 5, model: model, data: .init(source: .digits),
    training: .init(batch: 12, microbatch: 2, steps: 3, optimizer: .init(kind: .adamw, learningRate: 1e-3)),
    communication: .init(bucketBytes: 16 << 10))
}

private func data(_ kind: Configuration.Model.Kind) -> DatasetSplit {
  // Images of 8 x 8 pixels are enough for a residual network.
  kind == .resnet20 ? Digits.split() : SyntheticData.samples(48, for: configuration(kind).model)
}

extension RankTests {
  @Suite struct ReadyMadeModelTests {
    private static let kinds: [Configuration.Model.Kind] = [
      .lenet, .resnet20, .gpt, .encoder, .conv1d, .tabular,
    ]

    private func trainer(
      _ kind: Configuration.Model.Kind, threads: Int = 1, _ world: borrowing Communicator
    ) throws -> Trainer {
      let (configuration, data) = (configuration(kind), data(kind))
      return try Trainer(
        configuration, data: data, network: try Trainer.network(configuration, data: data),
        pool: ThreadPool(threads: threads), world: world)
    }

    /// Running statistics and embeddings included: ranks hold the same bits, and the loss is that of one rank.
    @Test(arguments: kinds) func anyNumberOfRanksTrainsLikeOne(_ kind: Configuration.Model.Kind) throws {
      try withWorld { world in
        func losses(_ world: borrowing Communicator) throws -> [Double] {
          let trainer = try trainer(kind, world)
          defer { trainer.close() }
          return try (0..<3).map { _ in
            let loss = try world.allreduce(try trainer.trainStep(), .sum) / 12
            let digests = try world.allgather(trainer.executor.weightsSHA256)
            #expect(Set(digests).count == 1)
            return loss
          }
        }
        let expected = try losses(try world.split(color: world.rank, key: 0))
        for (a, b) in zip(expected, try losses(world)) {
          #expect(abs(a - b) < 2e-3 * max(1, a), "\(a) on one rank, \(b) on \(world.size)")
        }
      }
    }

    @Test(arguments: kinds) func theNumberOfThreadsDoesNotChangeOneBit(
      _ kind: Configuration.Model.Kind
    ) throws {
      try withWorld { world in
        var digests: Set<String> = []
        for threads in 1...4 {
          let trainer = try trainer(kind, threads: threads, world)
          for _ in 0..<2 { try trainer.trainStep() }
          digests.insert(trainer.executor.weightsSHA256)
          trainer.close()
        }
        #expect(digests.count == 1)
      }
    }

    @Test(arguments: kinds) func whatInspectionPrintsIsWhatIsUsed(_ kind: Configuration.Model.Kind) throws {
      try withWorld { world in
        let configuration = configuration(kind)
        let trainer = try trainer(kind, world)
        defer { trainer.close() }
        let inspection = try Inspection(configuration, data: data(kind))
        #expect(inspection.memory.activations == trainer.executor.activationBytes)
        #expect(inspection.memory.parameters == 4 * trainer.executor.graph.arenaCount)
        #expect(inspection.memory.optimizer == 2 * inspection.memory.parameters)
        #expect(inspection.layers.reduce(0) { $0 + $1.parameters } == inspection.parameterCount)
        #expect(
          inspection.parameterCount
            == inspection.parameters.reduce(0) { $0 + ($1.isStatistic ? 0 : $1.shape.reduce(1, *)) })
      }
    }
  }
}

@Suite struct EvaluationTests {
  /// Two samples of three positions over two tokens, of which the second sample only fills up the microbatch.
  @Test func metricsOfALanguageModelArePerToken() throws {
    let losses: [Float] = [0.5, 1, 1.5, 100, 100, 100]
    let logits: [Float] = [2, 1, 0, 3, 5, 4, 0, 0, 0, 0, 0, 0]
    let next: [Int32] = [0, 1, 1, 0, 0, 0]
    var sums = EvaluationSums()
    losses.withUnsafeBufferPointer { losses in
      logits.withUnsafeBufferPointer { logits in
        next.withUnsafeBytes { next in
          guard let next = next.baseAddress else { return }
          sums.add(
            1, of: 2, task: .nextToken(vocabulary: 2), losses: losses, output: logits, target: next, center: 0
          )
        }
      }
    }
    let metrics = sums.metrics(for: .nextToken(vocabulary: 2), loss: .crossEntropy())
    #expect(abs((metrics["loss"] ?? 0) - 1) < 1e-6)
    #expect(abs((metrics["perplexity"] ?? 0) - 2.718281828) < 1e-5)
    #expect(abs((metrics["accuracy"] ?? 0) - 2.0 / 3) < 1e-9)
  }
}
