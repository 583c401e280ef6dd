import BLAS
import Datasets
import Foundation
import Graph
import NeuralNetwork

/// What a model makes of one sample.
public enum Prediction: Sendable, Equatable {
  /// Of a classifier: softmax probabilities in the order of the classes, and the class with the largest, the first of equal ones.
  case classes(best: Int, probabilities: [Float])
  /// Of a regression.
  case value(Float)
}

/// Applies a trained model to samples without labels.
///
/// Not thread-safe: one predictor, one calling thread.
public final class Predictor {
  /// The names of the classes of a classifier.
  public let classNames: [String]?
  /// Samples that are computed together.
  public let batch: Int

  private let network: Network
  private let executor: Executor

  /// - Parameters:
  ///   - batch: samples of one forward pass. A prediction's last bits may depend on the samples beside it, so that 1 makes it a function
  ///     of the sample and the weights alone.
  ///   - model: the one that `TrainingRun.model` was; nil for the configuration's.
  public init(
    _ run: TrainedRun, batch: Int = 1, model: ((Tensor) -> Tensor)? = nil, pool: ThreadPool
  ) throws {
    let template = try run.preprocessing().template
    do {
      network = try run.network(microbatch: batch, data: template, model: model)
    } catch {
      throw ConfigurationError("\(error)", at: run.files.configuration)
    }
    if case .nextToken = network.task {
      throw ConfigurationError("a gpt continues texts; it predicts nothing of samples", at: run.files.path)
    }
    executor = try run.executor(network, pool: pool)
    classNames = template.classNames
    self.batch = batch
  }

  /// - Parameter samples: 1 to `batch` of them, as the streams of the run's `Preprocessing` read them.
  public func predict(_ samples: some Collection<SampleFeatures>) -> [Prediction] {
    precondition(
      1...batch ~= samples.count, "Predictor: expected 1 to \(batch) samples, found \(samples.count)")
    for (row, sample) in samples.enumerated() { load(sample, into: row) }
    // What is left of the batch are copies of its first sample, which nobody reads.
    if let first = samples.first { for row in samples.count..<batch { load(first, into: row) } }
    executor.input(network.target, training: false).initializeMemory(
      as: UInt8.self, repeating: 0, count: 4 * network.target.shape.count)
    executor.forward(training: false)
    let output = executor.value(of: network.output, training: false)
    let width = network.task.outputs
    return (0..<samples.count).map { row in
      prediction(UnsafeBufferPointer(rebasing: output[row * width..<(row + 1) * width]))
    }
  }

  private func load(_ sample: SampleFeatures, into row: Int) {
    func copy<Element>(_ elements: [Element], to tensor: Tensor?) {
      guard let tensor else { return }
      let width = tensor.shape.count / batch
      precondition(elements.count == width, "Predictor: expected \(width) elements, found \(elements.count)")
      let target = executor.input(tensor, training: false).assumingMemoryBound(to: Element.self)
      elements.withUnsafeBufferPointer { elements in
        if let start = elements.baseAddress { (target + row * width).update(from: start, count: width) }
      }
    }
    copy(sample.numbers, to: network.inputs.numbers)
    copy(sample.codes, to: network.inputs.codes)
    copy([sample.length], to: network.inputs.lengths)
  }

  private func prediction(_ output: UnsafeBufferPointer<Float>) -> Prediction {
    guard case .classification = network.task else { return .value(output[0]) }
    let sum = ExponentialSum(output)
    return .classes(
      best: output.indexOfMaximum, probabilities: output.map { Float(exp(sum.logProbability($0))) })
  }
}
