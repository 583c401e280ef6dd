/// How a model did on samples that it was not trained on.
public struct Evaluation: Codable, Sendable, Equatable {
  /// By the names of `Metric`.
  public var metrics: [String: Double] = [:]
  public var samples: Int
  /// Names of the classes, for a classifier.
  public var classes: [String]?
  /// A row for each class of samples, a column for each class that they were taken for; nil for more than 1,000 classes.
  public var confusionMatrix: [[Int]]?
  /// Metrics that the samples did not allow, and why.
  public var leftOut: [String: String] = [:]

  private enum CodingKeys: String, CodingKey {
    case metrics = "evaluation"
    case samples, classes, confusionMatrix, leftOut
  }

  init(samples: Int) { self.samples = samples }

  public subscript(metric: Metric) -> Double? {
    get { metrics[metric.rawValue] }
    set { metrics[metric.rawValue] = newValue }
  }

  /// The object as JSON, on one line unless it is to be `pretty`.
  public func json(pretty: Bool = false) -> String { JSONLine.encode(self, pretty: pretty) }
}
