/// Ends a run whose metric over held-out samples does not get better any more. Every rank has the same metrics, so all stop together.
public struct EarlyStopping: Codable, Sendable, Equatable {
  public private(set) var best: BestMetric
  /// Evaluations in a row without improvement after which the run stops; at least 1.
  public let patience: Int
  /// Evaluations since the best one.
  public private(set) var evaluationsSinceBest = 0

  /// - Precondition: `patience` is at least 1.
  public init(_ best: BestMetric, patience: Int) {
    precondition(patience >= 1, "EarlyStopping: expected a patience of at least 1, found \(patience)")
    self.best = best
    self.patience = patience
  }

  /// What a configuration asks for; nil where it does not.
  public init?(_ configuration: Configuration.EarlyStopping) {
    guard let patience = configuration.patience else { return nil }
    self.init(BestMetric(configuration.metric, minDelta: configuration.minDelta), patience: patience)
  }

  /// Whether the run is to stop.
  public var isOver: Bool { evaluationsSinceBest >= patience }

  /// Goes on from what an earlier life of the run knew.
  mutating func restore(_ value: Double, step: Int, evaluationsSinceBest: Int) {
    best.restore(value, step: step)
    self.evaluationsSinceBest = evaluationsSinceBest
  }

  /// Takes the value of one evaluation.
  ///
  /// - Returns: whether the model is the best so far.
  @discardableResult public mutating func record(_ value: Double, step: Int) -> Bool {
    let isBest = best.record(value, step: step)
    evaluationsSinceBest = isBest ? 0 : evaluationsSinceBest + 1
    return isBest
  }
}

extension Evaluation {
  /// The value of a metric that a configuration asks for.
  ///
  /// - Parameter key: the configuration's, to be named.
  /// - Throws: `CommonFailure`, the same on all ranks, where the evaluation has none.
  public func value(of metric: Metric, for key: String) throws(CommonFailure) -> Double {
    if let value = self[metric] { return value }
    let reason = leftOut[metric.rawValue].map { " (\($0))" } ?? ""
    let known = Metric.allCases.filter { self[$0] != nil }.map(\.rawValue).joined(separator: ", ")
    throw CommonFailure(
      "\(key): the evaluation has no \(metric.rawValue)\(reason); it has \(known)", exitStatus: 2)
  }
}
