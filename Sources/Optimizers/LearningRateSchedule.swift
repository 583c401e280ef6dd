import Foundation

/// The learning rate of a step as a factor of the configured one: a linear rise over the warm-up, then the kind's shape down to 0 at
/// the end of the run.
public struct LearningRateSchedule: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    /// 1
    case constant
    /// (1 + cos(π x)) / 2, x from 0 after the warm-up to 1 at the end. Source: I. Loshchilov, F. Hutter, arXiv:1608.03983.
    case cosine
    /// 1 - x
    case linear
  }

  public var kind: Kind
  /// Steps of the rise; step s of them has the factor (s + 1) / (warmupSteps + 1).
  public var warmupSteps: Int
  /// Steps of the run.
  public var totalSteps: Int

  public init(_ kind: Kind, warmupSteps: Int = 0, totalSteps: Int) {
    self.kind = kind
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
  }

  /// - Parameter step: counted from 0.
  public func factor(step: Int) -> Double {
    if step < warmupSteps { return Double(step + 1) / Double(warmupSteps + 1) }
    let progress = min(1, Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps)))
    return switch kind {
    case .constant: 1
    case .cosine: (1 + cos(.pi * progress)) / 2
    case .linear: 1 - progress
    }
  }
}
