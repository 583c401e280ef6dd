/// The best value that a metric has had over the evaluations of a run. What it knows is coded with a checkpoint, so that a resumed run
/// goes on as if it had not stopped.
public struct BestMetric: Codable, Sendable, Equatable {
  public let metric: Metric
  /// A value counts as better only if it is so by more than this.
  public let minDelta: Double
  /// Nil before the first value.
  public private(set) var value: Double?
  /// Steps done when it was reached.
  public private(set) var step: Int?

  /// - Precondition: `minDelta` is at least 0.
  public init(_ metric: Metric, minDelta: Double = 0) {
    precondition(minDelta >= 0, "BestMetric: expected a difference of at least 0, found \(minDelta)")
    self.metric = metric
    self.minDelta = minDelta
  }

  /// Takes the metric's value of one evaluation.
  ///
  /// - Returns: whether it is better than all before. A first value is; NaN never is.
  public mutating func record(_ value: Double, step: Int) -> Bool {
    guard !value.isNaN else { return false }
    if let best = self.value {
      let gain = metric.isBetterWhenLarger ? value - best : best - value
      guard gain > minDelta else { return false }
    }
    (self.value, self.step) = (value, step)
    return true
  }

  /// Goes on from what an earlier life of the run knew.
  mutating func restore(_ value: Double, step: Int) {
    if step >= 0 { (self.value, self.step) = (value, step) }
  }
}
