import NeuralNetwork

/// What a model is measured by on held-out samples. Raw values are the names in files and configurations.
public enum Metric: String, Codable, Sendable, CaseIterable {
  /// The mean of the network's own loss.
  case loss
  /// The share of samples, or tokens, whose largest logit is their label's.
  case accuracy
  /// The share of samples whose label is among the five largest logits; for more than five classes.
  case top5Accuracy = "top_5_accuracy"
  /// Of class 1 where there are two classes, else the mean over all classes that occur; as are the next two.
  case precision, recall, f1
  case rocAUC = "roc_auc"
  case prAUC = "pr_auc"
  /// The mean of -ln of the softmax probability of the label.
  case logLoss = "log_loss"
  /// exp of the mean loss of a token.
  case perplexity
  /// The mean squared error, the mean absolute error, and 1 - squared error / squared distance of the targets from their mean.
  case mse, mae, r2

  public var isBetterWhenLarger: Bool {
    switch self {
    case .loss, .logLoss, .perplexity, .mse, .mae: false
    case .accuracy, .top5Accuracy, .precision, .recall, .f1, .rocAUC, .prAUC, .r2: true
    }
  }

  /// What an evaluation of such a network has, unless the samples do not allow it (``MetricCheck``).
  public static func all(for task: NeuralNetwork.Task) -> [Metric] {
    switch task {
    case .classification(let classes):
      [.loss, .logLoss, .accuracy] + (classes > topCount ? [.top5Accuracy] : [])
        + [.precision, .recall, .f1, .rocAUC, .prAUC]
    case .nextToken: [.loss, .perplexity, .accuracy]
    case .regression: [.loss, .mse, .mae, .r2]
    }
  }

  /// Those that a line about a run has room for; `metrics.jsonl` has all.
  static let headlines: [Metric] = [.accuracy, .f1, .rocAUC, .r2, .mae, .perplexity, .loss]

  /// The k of `top_5_accuracy`.
  static let topCount = 5
}
