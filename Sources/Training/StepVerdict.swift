/// What all ranks have to know of a step before they update: what one brings, and by adding, what all have brought.
///
/// The loss is added as a whole number, which has no rounding: so it does not depend on how microbatches are shared out.
struct StepVerdict: Equatable, Sendable {
  /// Sum of the losses of samples, in units of 2^-32.
  var loss: Int64 = 0
  /// Ranks with a gradient that is not finite.
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

  static let wordCount = 8

  /// Adds the losses of a microbatch.
  mutating func add(loss sum: Double) {
    let units = (sum * 0x1p32).rounded()
    // Beyond 2^31 it is no loss to train on.
    if units.magnitude < 0x1p62 {
      let (total, overflow) = loss.addingReportingOverflow(Int64(units))
      loss = overflow ? .max : total
    } else {
      notFinite = 1
    }
  }

  /// Σ losses.
  var lossSum: Double { Double(loss) * 0x1p-32 }

  func write(to words: UnsafeMutablePointer<Int64>) {
    (words[0], words[1], words[2]) = (loss, notFinite, saves)
    (words[3], words[4], words[5], words[6]) = (stops, written, failed, dues)
    words[7] = large
  }

  mutating func add(_ words: UnsafePointer<Int64>) {
    let (total, overflow) = loss.addingReportingOverflow(words[0])
    loss = overflow ? .max : total
    notFinite += words[1]
    saves += words[2]
    stops += words[3]
    written += words[4]
    failed += words[5]
    dues += words[6]
    large += words[7]
  }
}
