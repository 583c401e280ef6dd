import Datasets
import NeuralNetwork

/// Which metrics the evaluations of a run will have: known before its first step.
struct MetricCheck {
  let task: NeuralNetwork.Task
  let loss: Loss
  /// Of the held-out samples.
  let labels: Dataset.Labels

  /// Refuses what a configuration asks for and evaluations will not have.
  ///
  /// - Parameters:
  ///   - key: which names the metric.
  ///   - needed: the key because of which there has to be one.
  func check(_ metric: Metric, _ key: String, neededFor needed: String) throws(ConfigurationError) {
    if labels.count == 0 {
      throw ConfigurationError(
        "\(needed): the run holds out no samples; raise data.test_fraction, or remove it")
    }
    let known = Metric.all(for: task).filter { reasonAgainst($0) == nil }
    if known.contains(metric) { return }
    let reason = reasonAgainst(metric).map { ", as \($0)" } ?? ""
    throw ConfigurationError(
      "\(key): evaluations will have no \(metric.rawValue)\(reason), only "
        + known.map(\.rawValue).joined(separator: ", "))
  }

  /// Why evaluations leave out a metric of this task; nil if they do not.
  private func reasonAgainst(_ metric: Metric) -> String? {
    switch (metric, labels) {
    case (.rocAUC, .classes(let classes, let names)), (.prAUC, .classes(let classes, let names)):
      var counts = [Int64](repeating: 0, count: names.count)
      for label in classes { counts[Int(label)] += 1 }
      return Self.reasonAgainstAreas(counts, names)
    case (.r2, .values(let values)):
      return values.allSatisfy { $0 == values.first } ? Self.reasonAgainstR2 : nil
    case (.perplexity, _):
      return loss == .crossEntropy() ? nil : "the loss is not the plain cross-entropy"
    default:
      return nil
    }
  }

  /// Why there are no areas under curves over samples of these classes; nil if there are.
  static func reasonAgainstAreas(_ counts: [Int64], _ names: [String]?) -> String? {
    if counts.count > ClassScores.mostClasses {
      return "there are more than \(ClassScores.mostClasses) classes"
    }
    return counts.firstIndex(of: 0).map { "no sample has the class \(names?[$0] ?? String($0))" }
  }

  /// Why there is no R2 where there is none.
  static let reasonAgainstR2 = "all targets are the same"
}

extension MetricCheck {
  init(_ network: Network, heldOut: Dataset) {
    self.init(task: network.task, loss: network.lossFunction, labels: heldOut.labels)
  }
}
