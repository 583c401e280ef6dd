/// One direction of a node's link: carries messages one after the other, in the order in which they come.
///
/// **Why one after the other.** TCP shares a link between connections about evenly, so two equal messages
/// that start together both end when the second one would here. In a schedule the difference shows only where
/// something waits for the first alone; and whoever has several connections in use, as in a direct exchange,
/// has as much to send on each of them, so that the link is in use without a pause either way and the last
/// byte, which counts, comes at the same time. Serving in order takes two numbers a link and no event; fair
/// shares would change the end of every message in flight whenever one begins or ends.
///
/// The burst is a token bucket, in the form of the generic cell rate algorithm (ITU-T I.371): `served` is
/// when all that came so far would be through at the link's rate, and what is ahead of it by no more than the
/// bucket passes at once.
struct Link {
  private(set) var busySeconds = 0.0
  private var served = 0.0

  /// Takes a message of `seconds` at the link's rate that comes at `time`; `burstSeconds` is how long the
  /// bucket takes to fill. Gives when its first byte passes, and its last.
  mutating func carry(_ seconds: Double, from time: Double, burstSeconds: Double) -> (
    first: Double, last: Double
  ) {
    let first = max(time, served - burstSeconds)
    served = max(time, served) + seconds
    busySeconds += seconds
    return (first, max(first, served - burstSeconds))
  }
}
