import Optimizers

extension Configuration {
  /// The learning rate over the steps of a run, as a factor of ``Training/learningRate``.
  public struct Schedule: Sendable, Equatable {
    public typealias Kind = LearningRateSchedule.Kind

    public var kind: Kind
    /// Steps in which the factor rises to 1: in a straight line, or along half a wave of ``Kind/oneCycle``, where 0 stands for
    /// ``pctStart``.
    public var warmupSteps: Int
    /// For ``Kind/step``: the factor at each step down.
    public var gamma: Double
    /// For ``Kind/step``, which needs it: steps from one step down to the next.
    public var everySteps: Int?
    /// For ``Kind/oneCycle``, as the next two: the share of the run in which the factor rises.
    public var pctStart: Double
    /// 1 / the first factor.
    public var divFactor: Double
    /// The first factor / the last one.
    public var finalDivFactor: Double
    /// For ``Kind/warmupStableDecay``: the share of the run, at its end, in which the factor falls.
    public var decayFraction: Double

    public init(
      kind: Kind = .constant, warmupSteps: Int = 0, gamma: Double = 0.1, everySteps: Int? = nil,
      pctStart: Double = 0.3, divFactor: Double = 25, finalDivFactor: Double = 1e4,
      decayFraction: Double = 0.2
    ) {
      self.kind = kind
      self.warmupSteps = warmupSteps
      self.gamma = gamma
      self.everySteps = everySteps
      self.pctStart = pctStart
      self.divFactor = divFactor
      self.finalDivFactor = finalDivFactor
      self.decayFraction = decayFraction
    }
  }
}
