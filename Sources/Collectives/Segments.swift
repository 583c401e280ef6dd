/// How long the messages of an algorithm are, at most.
///
/// MPI sends a message up to its *eager limit* at once. Beyond it the sender asks, and the receiver answers when it expects the message.
/// Over TCP that is 64 KiB in Open MPI, and asking costs more than the time of a question and an answer:
///
/// - Messages that were asked for share the connection fragment by fragment. So of the four segments that a ring has in flight none is
///   there before all four are, and no rank can pass one on while the next one comes.
/// - The answer waits in line behind what its rank sends. Where two ranks exchange, one of the messages is on its way before the other
///   has been allowed: the exchange goes one way at a time.
///
/// Eager messages come one after the other, at once, both ways. They cost more of the processors: more messages, and a copy of each at
/// its receiver. Four test hosts on two cores, ring, medians of 6 to 9 calls in 3 launches that took turns: 16 MiB at 100 Mbit/s 2.19
/// instead of 2.55 s; at 1 Gbit/s 1 MiB 13.6 instead of 18.4 ms, 4 MiB 55.3 instead of 63.3, 16 MiB 218 instead of 229, 64 MiB 863
/// instead of 894. But where the network has no limit and only processors count, long ones are faster.
public enum Segments: String, Sendable, CaseIterable, Codable {
  /// What goes over TCP without asking: between hosts, unless measured otherwise.
  case eager
  /// Few messages, for memory and for networks that are faster than processors.
  case long

  /// Bytes of a message. The eager limit counts headers too.
  var bytes: Int { self == .eager ? 63 << 10 : 512 << 10 }

  /// Elements of a segment: what is eager is so by its bytes on the wire.
  func length(elementBytes: Int, wireBytes: Int?) -> Int {
    max(1, bytes / (self == .eager ? wireBytes ?? elementBytes : elementBytes))
  }

  /// Parts of a buffer that are under way at a time, where so many long ones are.
  func inFlight(long: Int) -> Int { self == .eager ? 8 : long }
}
