extension Configuration {
  /// When a run ends before its last step because it does not get better any more.
  public struct EarlyStopping: Sendable, Equatable {
    /// Over the held-out samples, whether larger or smaller is better follows from it.
    public var metric: Metric
    /// Evaluations in a row without improvement after which the run stops; nil for never.
    public var patience: Int?
    /// What counts as an improvement is more than this.
    public var minDelta: Double

    public init(metric: Metric = .loss, patience: Int? = nil, minDelta: Double = 0) {
      self.metric = metric
      self.patience = patience
      self.minDelta = minDelta
    }
  }
}
