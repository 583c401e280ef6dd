/// One direction of a node's link: carries bytes in the order in which they come.
///
/// The burst is a token bucket, in the form of the generic cell rate algorithm (ITU-T I.371): `served` is
/// when all that came so far would be through at the link's rate, and what is ahead of it by no more than the
/// bucket passes at once.
struct Link {
  private(set) var busySeconds = 0.0
  private var served = 0.0

  /// Takes what needs `seconds` at the link's rate, and comes at `time`; `burstSeconds` is how long the
  /// bucket takes to fill. Gives when the first byte passes, and when the last.
  mutating func carry(_ seconds: Double, from time: Double, burstSeconds: Double) -> (
    first: Double, last: Double
  ) {
    let first = max(time, served - burstSeconds)
    served = max(time, served) + seconds
    busySeconds += seconds
    return (first, max(first, served - burstSeconds))
  }

  /// When it could take more, once it is `time`.
  func ready(at time: Double, burstSeconds: Double) -> Double { max(time, served - burstSeconds) }
}
