/// How elements travel between ranks.
///
/// **bfloat16** halves the bytes of float32 sums. A send first rounds its block in place to bfloat16 values
/// (to nearest even), then sends their upper halves, so that sender and receiver hold the same values; sums are
/// float32. Some algorithms leave ranks with a float32 sum that they need not send; these elements are rounded
/// at the end. So every rank ends with the same bits, and they are bfloat16 values. One rank alone sends
/// nothing, and rounds nothing.
///
/// **Error.** bfloat16 has eight significant bits: rounding multiplies a value by 1 + d with |d| <= u = 2^-8.
/// Let a contribution pass through at most h roundings on its way into a result, of partial sums that it is in
/// (`ScheduleVerifier.Report.roundings`), and n - 1 additions at n ranks, which round by v = 2^-24 each. Every
/// contribution comes with factors of its own, so
///
/// ```
/// |result - sum of x| <= ((1 + u)^h (1 + v)^(n - 1) - 1) * sum of |x|,  about h * 2^-8 * sum of |x|
/// ```
///
/// where nothing is subnormal; each rounding to a subnormal adds at most 2^-134. Integers are exact as long as
/// no partial sum is above 256. Sums from (2 - 2^-8) * 2^127 on become infinity. NaN and infinity arrive; every
/// NaN as the same.
///
/// The number of roundings h grows with the sends that a partial sum takes: the ring's grows with the number
/// of ranks, recursive doubling's and halving-doubling's with its logarithm, those of direct exchange and of
/// the linear algorithm are two at any size.
public enum WireFormat: String, Sendable, CaseIterable {
  /// Elements travel as they are: the only format for what is not a sum of float32.
  case float32
  /// Sums of float32 travel as bfloat16, in half the bytes.
  case bfloat16

  /// Bytes on the wire of an element that takes `elementBytes` in memory.
  func bytes(ofElement elementBytes: Int) -> Int { self == .float32 ? elementBytes : WirePlan.elementBytes }
}

extension WireFormat: CustomStringConvertible {
  public var description: String { rawValue }
}
