import Datasets
import Foundation
import MPI
import NeuralNetwork

/// Sums over evaluated samples. Sums of ranks add up, so metrics of the whole set are exact over any number of ranks.
struct EvaluationSums: Equatable {
  var samples = 0.0
  /// Numbers that `loss` is the sum of: one a sample, or one a position.
  var losses = 0.0
  var loss = 0.0
  /// Classification: samples, or positions, whose largest logit is their label's.
  var correct = 0.0
  /// Regression: Σ (x - t)², Σ |x - t|, Σ (t - center) and Σ (t - center)² over all outputs.
  var squaredError = 0.0
  var absoluteError = 0.0
  var target = 0.0
  var squaredTarget = 0.0

  mutating func reduce(on world: borrowing Communicator) throws(MPIError) {
    var sums = [samples, loss, correct, absoluteError, target, squaredTarget, losses, squaredError]
    var span = sums.mutableSpan
    try world.allreduce(&span, .sum)
    (samples, loss, correct) = (sums[0], sums[1], sums[2])
    (absoluteError, target, squaredTarget) = (sums[3], sums[4], sums[5])
    (losses, squaredError) = (sums[6], sums[7])
  }

  /// Metrics by name: `loss`, the mean of the loss that was trained, and `accuracy` for classes; `loss`, `mse`, `mae` and `r2` for values;
  /// `loss`, `perplexity` and `accuracy` for next tokens. With smoothed labels the loss tells no perplexity, and there is none.
  func metrics(for task: Task, loss lossFunction: Loss) -> [String: Double] {
    guard samples > 0 else { return [:] }
    switch task {
    case .classification:
      return ["loss": loss / samples, "accuracy": correct / samples]
    case .nextToken:
      let mean = loss / losses
      var metrics = ["loss": mean, "accuracy": correct / losses]
      if lossFunction == .crossEntropy() { metrics["perplexity"] = exp(mean) }
      return metrics
    case .regression(let outputs):
      let numbers = samples * Double(outputs)
      let spread = squaredTarget - target * target / numbers
      var metrics = [
        "loss": loss / samples, "mse": squaredError / numbers, "mae": absoluteError / numbers,
      ]
      if spread > 0 { metrics["r2"] = 1 - squaredError / spread }
      return metrics
    }
  }

  /// Adds the first `count` samples of a microbatch.
  ///
  /// - Parameter center: some value amid the targets, the same on all ranks: without it large targets of small spread would cancel.
  mutating func add(
    _ count: Int, of microbatch: Int, task: Task, losses: UnsafeBufferPointer<Float>,
    output: UnsafeBufferPointer<Float>,
    target: UnsafeRawPointer, center: Double
  ) {
    let perSample = losses.count / microbatch
    samples += Double(count)
    self.losses += Double(count * perSample)
    for row in 0..<count * perSample { loss += Double(losses[row]) }
    switch task {
    case .classification(let classes), .nextToken(let classes):
      let labels = target.assumingMemoryBound(to: Int32.self)
      for row in 0..<count * perSample {
        var best = 0
        for c in 1..<max(1, classes) where output[row * classes + c] > output[row * classes + best] {
          best = c
        }
        if labels[row] == best { correct += 1 }
      }
    case .regression(let outputs):
      let values = target.assumingMemoryBound(to: Float.self)
      for i in 0..<count * outputs {
        let error = Double(output[i]) - Double(values[i])
        squaredError += error * error
        absoluteError += abs(error)
        let difference = Double(values[i]) - center
        self.target += difference
        squaredTarget += difference * difference
      }
    }
  }
}
