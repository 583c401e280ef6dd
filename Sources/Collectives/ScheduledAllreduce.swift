/// An allreduce algorithm as a function from (size, rank, count) to a ``Schedule``, with what it promises.
/// The promises are what ``ScheduleVerifier`` holds the schedules against.
public protocol ScheduledAllreduce: Sendable {
  var name: String { get }

  /// The part of `rank` in the allreduce of `count` elements over `size` ranks. Every rank of a call asks
  /// with the same size and count.
  func schedule(size: Int, rank: Int, count: Int) -> Schedule

  /// What that schedule costs, by formula.
  func cost(size: Int, rank: Int, count: Int) -> ScheduleCost

  /// In which order each element's contributions are added: ranges that cover `0 ..< count` in ascending
  /// order.
  func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)]
}

/// What a rank's part in a collective costs.
public struct ScheduleCost: Sendable, Equatable {
  /// Elements that the rank sends.
  public var sent: Int
  /// Elements that it receives.
  public var received: Int
  /// Elements that it adds.
  public var added: Int
  /// Messages that it sends.
  public var messages: Int
  /// Messages that follow one another on the longest way from a contribution to this rank's result.
  public var rounds: Int

  public init(sent: Int, received: Int, added: Int, messages: Int, rounds: Int) {
    self.sent = sent
    self.received = received
    self.added = added
    self.messages = messages
    self.rounds = rounds
  }
}
