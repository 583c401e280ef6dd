import BLAS
import Datasets
import Foundation
import Graph
import MPI
import MPITestSupport
import NeuralNetwork
import Testing

@testable import Training

/// What scikit-learn says. Made by `scripts/reference/metrics.py`.
private struct MetricsReference: Decodable {
  struct Classified: Decodable {
    var classes: Int
    var labels: [Int32]
    var logits: [Float]
    var metrics: [String: Double]
    var confusionMatrix: [[Int]]?
  }

  struct Regressed: Decodable {
    var values: [Float]
    var predictions: [Float]
    var metrics: [String: Double]
  }

  var classification: [String: Classified]
  var tokens: [String: Classified]
  var regression: [String: Regressed]

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "References/metrics.json")
    self = try JSONDecoder().decode(MetricsReference.self, from: Data(contentsOf: file))
  }
}

extension RankTests {
  /// Samples divided over the ranks.
  @Suite struct EvaluationTests {
    /// The evaluation of all samples, each rank adding its part in microbatches of one.
    private func evaluation(
      _ task: NeuralNetwork.Task, outputs: [Float], losses: [Float], center: Double = 0, count: Int,
      on world: borrowing Communicator, target: (Int) -> UnsafeRawPointer
    ) throws -> Evaluation {
      var tally = EvaluationTally(task: task, center: center)
      let (width, perSample) = (outputs.count / count, losses.count / count)
      outputs.withUnsafeBufferPointer { outputs in
        losses.withUnsafeBufferPointer { losses in
          for sample in world.rank * count / world.size..<(world.rank + 1) * count / world.size {
            tally.add(
              1, of: 1,
              losses: UnsafeBufferPointer(rebasing: losses[sample * perSample..<(sample + 1) * perSample]),
              output: UnsafeBufferPointer(rebasing: outputs[sample * width..<(sample + 1) * width]),
              target: target(sample))
          }
        }
      }
      return try tally.evaluation(classNames: nil, on: world)
    }

    private func expect(
      _ found: Evaluation, _ expected: [String: Double], ignoring ignored: Set<String> = [],
      within tolerance: Double = 1e-9, _ name: String
    ) {
      #expect(Set(found.metrics.keys).subtracting(ignored) == Set(expected.keys), "\(name)")
      for (metric, value) in expected {
        let own = found.metrics[metric] ?? .nan
        #expect(
          abs(own - value) <= tolerance * max(1, abs(value)), "\(name), \(metric): \(own), not \(value)")
      }
    }

    @Test func classificationIsMeasuredAsByScikitLearn() throws {
      let reference = try MetricsReference()
      try withWorld { world in
        for name in reference.classification.keys.sorted() {
          guard let stored = reference.classification[name] else { continue }
          let labels = stored.labels
          let found = try labels.withUnsafeBufferPointer { labels in
            try evaluation(
              .classification(classes: stored.classes), outputs: stored.logits,
              losses: Array(repeating: 0, count: labels.count), count: labels.count, on: world
            ) { UnsafeRawPointer(labels.baseAddress! + $0) }
          }
          expect(found, stored.metrics, ignoring: ["loss"], name)
          #expect(found.confusionMatrix == stored.confusionMatrix, "\(name)")
          let isWithoutAreas = stored.metrics["roc_auc"] == nil
          #expect(Set(found.leftOut.keys) == (isWithoutAreas ? ["roc_auc", "pr_auc"] : []), "\(name)")
        }
      }
    }

    @Test func valuesAreMeasuredAsByScikitLearn() throws {
      let reference = try MetricsReference()
      try withWorld { world in
        for name in reference.regression.keys.sorted() {
          guard let stored = reference.regression[name] else { continue }
          let values = stored.values
          let center = values.reduce(0) { $0 + Double($1) } / Double(values.count)
          let found = try values.withUnsafeBufferPointer { values in
            try evaluation(
              .regression(outputs: 1), outputs: stored.predictions,
              losses: Array(repeating: 0, count: values.count), center: center, count: values.count, on: world
            ) { UnsafeRawPointer(values.baseAddress! + $0) }
          }
          expect(found, stored.metrics, ignoring: ["loss"], name)
        }
      }
    }

    /// Eight texts of five positions. The network's losses are float32.
    @Test func tokensAreMeasuredAsByScikitLearn() throws {
      let stored = try #require(try MetricsReference().tokens["five tokens"])
      try withWorld { world in
        let (labels, width) = (stored.labels, stored.classes)
        let losses = labels.indices.map { row in
          stored.logits[row * width..<(row + 1) * width].withUnsafeBufferPointer {
            Float(-ExponentialSum($0).logProbability($0[Int(labels[row])]))
          }
        }
        let found = try labels.withUnsafeBufferPointer { labels in
          try evaluation(
            .nextToken(vocabulary: width), outputs: stored.logits, losses: losses, count: 8, on: world
          ) { UnsafeRawPointer(labels.baseAddress! + 5 * $0) }
        }
        expect(found, stored.metrics, within: 1e-6, "five tokens")
      }
    }

    /// A classifier, a regression and a language model with weights as they start, on test parts of many sizes.
    @Test(arguments: [Configuration.Model.Kind.mlp, .linear, .gpt, .encoder])
    func notOneBitDependsOnTheNumberOfRanks(_ kind: Configuration.Model.Kind) throws {
      try withWorld { world in
        let configuration = Configuration(
          model: .init(kind: kind, hidden: [40], layers: 1, heads: 2, width: 16, context: 12),
          training: .init(batch: 48, microbatch: 4, steps: 1))
        let samples = SyntheticData.samples(150, for: configuration.model, features: 20).train
        let counts = [1, 2, world.size - 1, world.size + 1, 4 * world.size, 4 * world.size + 1, 101]
        let alone = try world.split(color: world.rank, key: 0)
        for count in counts where count > 0 {
          let data = samples.split { $0 < count }
          let network = try Trainer.network(configuration, data: data)
          let evaluator = Evaluator(
            network: network, executor: Executor(network.graph, pool: ThreadPool(threads: 1), seed: 3))
          func evaluation(_ world: borrowing Communicator) throws -> Evaluation {
            try evaluator.tally(data.test, rank: world.rank, size: world.size)
              .evaluation(classNames: data.test.classNames, on: world)
          }
          let (expected, found) = (try evaluation(alone), try evaluation(world))
          #expect(found == expected, "\(count) samples, \(world.size) ranks")
          #expect(found.samples == count && (found[.loss] ?? -1) > 0)
          let known = Set(Metric.all(for: network.task).map(\.rawValue))
          #expect(Set(found.metrics.keys).union(found.leftOut.keys) == known)
          #expect(Set(found.metrics.keys).isDisjoint(with: found.leftOut.keys))
          // Rounding apart, there are two ways to the same number.
          if let loss = found[.loss], let other = found[.logLoss] ?? found[.mse] {
            #expect(abs(loss - other) < 1e-5 * max(1, loss))
          }
        }
      }
    }

    @Test func noSampleChangesItsRowWithTheNumberOfRanks() throws {
      try withWorld { world in
        let configuration = Configuration(training: .init(batch: 48, microbatch: 6, steps: 1))
        let samples = SyntheticData.samples(90, for: .init(kind: .logistic), features: 8).train
        let alone = try world.split(color: world.rank, key: 0)
        for count in [1, 6 * world.size - 1, 6 * world.size + 1, 61] {
          let data = samples.split { $0 < count }
          let network = try Trainer.network(configuration, data: data) { numbers in
            numbers.trace.record(RowMarks(), Dense("logits", 10)(numbers))
          }
          let evaluator = Evaluator(
            network: network, executor: Executor(network.graph, pool: ThreadPool(threads: 1), seed: 3))
          func loss(_ world: borrowing Communicator) throws -> Double? {
            try evaluator.tally(data.test, rank: world.rank, size: world.size)
              .evaluation(classNames: nil, on: world)[.logLoss]
          }
          #expect(try loss(world) == loss(alone), "\(count) samples, \(world.size) ranks")
        }
      }
    }

    @Test func theTrainersEvaluationIsTheSameOnAllRanks() throws {
      try withWorld { world in
        let configuration = Configuration(
          model: .init(kind: .mlp, hidden: [20]), data: .init(source: .digits),
          training: .init(batch: 240, microbatch: 20, steps: 3))
        let data = try configuration.loadData()
        let trainer = try Trainer(
          configuration, data: data, network: try Trainer.network(configuration, data: data),
          pool: ThreadPool(threads: 1), world: world)
        defer { trainer.close() }
        for _ in 0..<3 { try trainer.trainStep() }
        let evaluation = try trainer.evaluate()
        #expect(Set(try world.allgather(evaluation.json())).count == 1)
        #expect(evaluation.samples == data.test.count && evaluation.classes?.count == 10)
        #expect(evaluation.confusionMatrix?.joined().reduce(0, +) == data.test.count)
      }
    }
  }
}

@Suite struct ExponentialSumTests {
  /// Softmax probabilities do not depend on the order of the other logits, nor on a number added to all: nor does one bit here.
  @Test func equalProbabilitiesAreTheSameBits() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      // Differences and shifts without rounding.
      let logits = (0..<7).map { _ in Float(Int.random(in: -4000...4000, using: &random)) / 256 }
      let expected = logits.withUnsafeBufferPointer { ExponentialSum($0).logProbability(logits[3]) }
      for shift in [0, 3.25, -1000] as [Float] {
        let other = logits.shuffled(using: &random).map { $0 + shift }
        let found = other.withUnsafeBufferPointer { ExponentialSum($0).logProbability(logits[3] + shift) }
        #expect(found == expected, "\(logits), shifted by \(shift)")
      }
      let sum = logits.reduce(0) { $0 + exp(Double($1) - Double(logits[3])) }
      #expect(abs(expected + log(sum)) < 1e-14 * max(1, log(sum)))
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func whatIsNotFiniteIsNoProbability(_ logit: Float) {
    let found = [0, logit, 1].withUnsafeBufferPointer { ExponentialSum($0).logProbability(1) }
    // A class without any probability is none of the sum.
    #expect(logit == -.infinity ? abs(found + log(1 + exp(-1))) < 1e-15 : found.isNaN)
  }
}

@Suite struct ClassCountsTests {
  @Test func moreThanAThousandClassesHaveRatesWithoutAMatrix() {
    var counts = ClassCounts(classes: 1001)
    counts.add(label: 1000, prediction: 1000)
    counts.add(label: 3, prediction: 1000)
    #expect(counts.confusionMatrix == nil)
    #expect(counts.correctCount == 1)
    // Over the two classes that occur: precision 1/2 and 0, recall 1 and 0.
    #expect(counts.rates == .init(precision: 0.25, recall: 0.5, f1: 1.0 / 3))
    #expect(ClassCounts(classes: 1001, words: counts.words) == counts)
  }
}
