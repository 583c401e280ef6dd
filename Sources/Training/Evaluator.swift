import Datasets
import Graph
import NeuralNetwork

/// Runs a network over samples that it is to be measured on.
struct Evaluator {
  let network: Network
  /// Of the network's graph.
  let executor: Executor

  /// What the samples of one rank add up to.
  ///
  /// The samples are cut into the same microbatches whatever the number of ranks, since the bits of a sample's output may depend on the row
  /// of a product in which it stands. A rank takes a contiguous run of them; the last microbatch of all is filled up with the last sample,
  /// which is not counted again.
  func tally(_ data: Dataset, rank: Int, size: Int) -> EvaluationTally {
    let microbatch = network.graph.microbatch
    let count = (data.count + microbatch - 1) / microbatch
    var tally = EvaluationTally(
      task: network.task, center: Self.mean(data.labels),
      hasPerplexity: network.lossFunction == .crossEntropy())
    var samples = [Int](repeating: 0, count: microbatch)
    for start in rank * count / size..<(rank + 1) * count / size {
      let first = start * microbatch
      for row in 0..<microbatch { samples[row] = min(first + row, data.count - 1) }
      samples.withUnsafeBufferPointer { network.load(data, $0, into: executor, training: false) }
      executor.forward(training: false)
      tally.add(
        min(microbatch, data.count - first), of: microbatch,
        losses: executor.value(of: network.loss, training: false),
        output: executor.value(of: network.output, training: false),
        target: executor.input(network.target, training: false))
    }
    return tally
  }

  /// Of values; 0 for other labels.
  private static func mean(_ labels: Dataset.Labels) -> Double {
    guard case .values(let values) = labels, !values.isEmpty else { return 0 }
    var sum = ExactSum()
    for value in values { sum.add(Double(value)) }
    return sum.value / Double(values.count)
  }
}

extension Network {
  /// Copies `samples`, as many as a microbatch has, into the inputs and the target.
  func load(
    _ data: Dataset, _ samples: UnsafeBufferPointer<Int>, into executor: Executor, training: Bool
  ) {
    func memory<Element>(_ tensor: Tensor, of type: Element.Type) -> UnsafeMutablePointer<Element> {
      executor.input(tensor, training: training).assumingMemoryBound(to: type)
    }
    if let numbers = inputs.numbers { data.gather(samples, into: memory(numbers, of: Float.self)) }
    if let codes = inputs.codes { data.gather(samples, into: memory(codes, of: Int32.self)) }
    if let lengths = inputs.lengths { data.gatherLengths(samples, into: memory(lengths, of: Int32.self)) }
    switch task {
    case .classification: data.gatherClasses(samples, into: memory(target, of: Int32.self))
    case .regression: data.gatherValues(samples, into: memory(target, of: Float.self))
    case .nextToken: data.gatherNextTokens(samples, into: memory(target, of: Int32.self))
    }
  }
}
