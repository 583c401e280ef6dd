import Foundation

/// Σ exp(x) over the logits of a sample, from which the logarithms of their softmax probabilities are made.
///
/// Their order and a number that is added to all of them change no bit: so samples whose classes are equally probable have equal scores. Terms are
/// relative to the largest, and added in whole units of 2^-64.
struct ExponentialSum {
  /// The largest logit.
  private let top: Double
  /// ln Σ exp(x - top); NaN where a logit is not finite.
  private let logarithm: Double

  init(_ logits: UnsafeBufferPointer<Float>) {
    top = logits.reduce(-.infinity) { max($0, Double($1)) }
    var units: UInt128 = 0
    for logit in logits {
      let term = exp(Double(logit) - top)
      guard term.isFinite else {
        logarithm = .nan
        return
      }
      units += UInt128((term * 0x1p64).rounded())
    }
    logarithm = log(Double(units) * 0x1p-64)
  }

  /// ln softmax(x), of one of the logits.
  func logProbability(_ logit: Float) -> Double { (Double(logit) - top) - logarithm }
}
