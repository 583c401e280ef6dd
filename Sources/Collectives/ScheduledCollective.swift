/// A collective algorithm as a function from (size, rank, count) to a ``Schedule``, with what it promises. The
/// promises are what ``ScheduleVerifier`` holds the schedules against.
///
/// Where a collective gives each rank a part of the buffer, rank r's is chunk r of `count` elements cut into `size`
/// chunks, in place: see ``Chunks``.
public protocol ScheduledCollective: Sendable {
  var name: String { get }

  /// The part of `rank` in the collective over `size` ranks with buffers of `count` elements. Every rank of a
  /// call asks with the same size and count.
  func schedule(size: Int, rank: Int, count: Int) -> Schedule

  /// What that schedule costs, by formula.
  func cost(size: Int, rank: Int, count: Int) -> ScheduleCost

  /// What the ranks' memories hold before, and what they must hold after.
  func contract(size: Int, count: Int) -> CollectiveContract

  /// How the ranks' schedules follow from one of them; nil where they do not, or nobody says so.
  func symmetry(size: Int, count: Int) -> RankSymmetry?
}

extension ScheduledCollective {
  public func symmetry(size: Int, count: Int) -> RankSymmetry? { nil }
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

  public init(sent: Int = 0, received: Int = 0, added: Int = 0, messages: Int = 0, rounds: Int = 0) {
    self.sent = sent
    self.received = received
    self.added = added
    self.messages = messages
    self.rounds = rounds
  }
}
