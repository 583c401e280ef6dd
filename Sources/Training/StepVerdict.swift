/// What all ranks have to know of a step before they update: what one brings, and by adding, what all have brought.
///
/// The loss is added in whole numbers, which have no rounding: so it does not depend on how microbatches are shared out.
struct StepVerdict: Equatable, Sendable {
  /// Of the losses of samples.
  private var loss = LossSum()
  /// Ranks with a loss or a gradient that is not finite.
  var notFinite: Int64 = 0
  /// Ranks with one so large that the sum over the ranks has to be looked at.
  var large: Int64 = 0
  /// Ranks that a signal has asked for a checkpoint, that the clock has, and that were asked to stop.
  var saves: Int64 = 0
  var dues: Int64 = 0
  var stops: Int64 = 0
  /// Ranks that have written their part of the checkpoint at hand, and that failed to.
  var written: Int64 = 0
  var failed: Int64 = 0

  static let wordCount = 7 + LossSum.wordCount

  /// Adds the losses of a microbatch.
  mutating func add(loss sum: Double) {
    if sum.magnitude < LossSum.bound { loss.add(sum) } else { notFinite = 1 }
  }

  /// Σ losses.
  var lossSum: Double { loss.value }

  func write(to words: UnsafeMutablePointer<Int64>) {
    (words[0], words[1], words[2]) = (notFinite, large, saves)
    (words[3], words[4], words[5], words[6]) = (stops, written, failed, dues)
    loss.write(to: words + 7)
  }

  mutating func add(_ words: UnsafePointer<Int64>) {
    notFinite += words[0]
    large += words[1]
    saves += words[2]
    stops += words[3]
    written += words[4]
    failed += words[5]
    dues += words[6]
    loss.add(words + 7)
  }
}
