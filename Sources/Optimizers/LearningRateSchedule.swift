import Foundation

/// The learning rate of a step as a factor of the configured one: a linear rise over the warm-up, then the kind's shape to the end of the
/// run. Steps beyond the end have the last step's factor or less.
public struct LearningRateSchedule: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    /// 1
    case constant
    /// (1 + cos(π x)) / 2, x from 0 after the warm-up to 1 at the end. Source: I. Loshchilov, F. Hutter, arXiv:1608.03983.
    case cosine
    /// 1 - x
    case linear
    /// gammaᵏ, where k counts the whole `everySteps` steps since the warm-up.
    case step
    /// From 1 / divFactor up to 1, then down to 1 / divFactor / finalDivFactor at the last step, along half waves of the cosine. The rise
    /// takes `warmupSteps`, or the share `pctStart` of the run where these are 0. PyTorch's `OneCycleLR`, with the momentum left as it is.
    /// Source: L. Smith, N. Topin, arXiv:1708.07120.
    case oneCycle = "one-cycle"
    /// 1, then linear to 0 over the last share `decayFraction` of the run, or what the warm-up leaves of it. Source: S. Hu et al.,
    /// arXiv:2404.06395.
    case warmupStableDecay = "warmup-stable-decay"
  }

  public var kind: Kind
  /// Steps of the rise; step s of them has the factor (s + 1) / (warmupSteps + 1), except in a one-cycle schedule.
  public var warmupSteps: Int
  /// Steps of the run.
  public var totalSteps: Int
  /// For ``Kind/step``: the factor at each step down.
  public var gamma = 0.1
  /// For ``Kind/step``: steps from one step down to the next.
  public var everySteps = 1
  /// For ``Kind/oneCycle``, as the next two: the share of the run that the rise takes.
  public var pctStart = 0.3
  public var divFactor = 25.0
  public var finalDivFactor = 1e4
  /// For ``Kind/warmupStableDecay``.
  public var decayFraction = 0.2

  public init(_ kind: Kind, warmupSteps: Int = 0, totalSteps: Int) {
    self.kind = kind
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
  }

  /// - Parameter step: counted from 0.
  public func factor(step: Int) -> Double {
    if kind == .oneCycle { return oneCycle(Double(step)) }
    if step < warmupSteps { return Double(step + 1) / Double(warmupSteps + 1) }
    let progress = min(1, Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps)))
    switch kind {
    case .constant, .oneCycle: return 1
    case .cosine: return (1 + cos(.pi * progress)) / 2
    case .linear: return 1 - progress
    case .step: return pow(gamma, Double((step - warmupSteps) / everySteps))
    case .warmupStableDecay:
      let decaySteps = min(decayFraction * Double(totalSteps), Double(totalSteps - warmupSteps))
      return min(1, max(0, Double(totalSteps - step)) / max(1, decaySteps))
    }
  }

  /// The rise ends at `peak`, the fall at the last step; both may lie between two steps, as in PyTorch.
  private func oneCycle(_ step: Double) -> Double {
    let (first, end) = (1 / divFactor, 1 / divFactor / finalDivFactor)
    let last = Double(totalSteps - 1)
    let peak = (warmupSteps > 0 ? Double(warmupSteps) : pctStart * Double(totalSteps)) - 1
    func wave(from start: Double, to stop: Double, _ progress: Double) -> Double {
      stop + (start - stop) / 2 * (1 + cos(.pi * progress))
    }
    if step <= peak { return peak > 0 ? wave(from: first, to: 1, step / peak) : 1 }
    return step < last ? wave(from: 1, to: end, (step - peak) / (last - peak)) : end
  }
}
