/// Something wrong with the schedules of a collective, found by ``ScheduleVerifier``.
public enum Finding: Sendable, Equatable {
  /// A schedule that belongs to another rank, size or count than its place among the others says.
  case wrongPlace(rank: Int)
  /// An action with a block outside the memory, or across the border between buffer and workspace.
  case outOfBounds(ActionPlace)
  /// A transfer with a rank that does not exist, or with itself.
  case wrongPeer(ActionPlace)
  /// An addition whose operand overlaps what it adds to.
  case operandOverlaps(ActionPlace)
  /// A send that no receive takes.
  case unmatchedSend(ActionPlace)
  /// A receive that no send fills.
  case unmatchedReceive(ActionPlace)
  /// A message that is not as long as its receive.
  case lengthMismatch(sent: ActionPlace, received: ActionPlace)
  /// Two actions on the same elements, at least one of which writes them, and whose order no dependency
  /// decides.
  case race(earlier: ActionPlace, later: ActionPlace, elements: Range<Int>)
  /// All ranks that are not done wait for each other: for each, the oldest action it cannot complete.
  case deadlock(Delivery, waiting: [ActionPlace])
  /// A send or an addition of elements that nothing was written to.
  case undefinedOperand(ActionPlace, elements: Range<Int>)
  /// An addition of an element to another element of the buffers.
  case misplacedOperand(ActionPlace, elements: Range<Int>)
  /// Elements of a result that hold the sum of other elements.
  case misplacedResult(rank: Int, elements: Range<Int>)
  /// Elements of a result that have no value.
  case undefinedResult(rank: Int, elements: Range<Int>)
  /// Elements of a result to which a rank (or a leaf of a tree) contributes more than once.
  case repeatedContribution(of: Int, rank: Int, elements: Range<Int>)
  /// Elements of a result to which a rank (or a leaf of a tree) does not contribute, but should.
  case missingContribution(of: Int, rank: Int, elements: Range<Int>)
  /// Elements that a rank adds in another order than rank 0, so that their bits may differ.
  case orderDiffers(rank: Int, elements: Range<Int>, order: AdditionOrder, onRankZero: AdditionOrder)
  /// Elements that a rank rounds elsewhere than rank 0, though it adds in the same order.
  case roundingDiffers(rank: Int, elements: Range<Int>)
  /// Elements that are added in another order than the algorithm states.
  case unstatedOrder(elements: Range<Int>, order: AdditionOrder, stated: AdditionOrder)
  /// A schedule whose cost is not what the algorithm's formula says.
  case costDiffers(rank: Int, cost: ScheduleCost, stated: ScheduleCost)

  /// When a send completes.
  public enum Delivery: Sendable, CaseIterable {
    /// When the receive has begun, as MPI's synchronous mode: nothing is buffered.
    case rendezvous
    /// At once: every message is buffered.
    case eager
  }
}

/// An action of a rank's schedule.
public struct ActionPlace: Sendable, Equatable {
  public let rank: Int
  /// Its index in the schedule.
  public let index: Int
  public let action: Action
}

extension Schedule {
  package func place(_ action: Int) -> ActionPlace {
    ActionPlace(rank: rank, index: action, action: actions[action])
  }
}

extension ActionPlace: CustomStringConvertible {
  public var description: String { "rank \(rank), action \(index) (\(action))" }
}

extension Action: CustomStringConvertible {
  public var description: String {
    switch self {
    case .send(let block, let peer): "send \(block.range) to rank \(peer)"
    case .receive(let block, let peer): "receive \(block.range) from rank \(peer)"
    case .combine(let operand, .left, let block): "add from \(operand) on the left of \(block.range)"
    case .combine(let operand, .right, let block): "add from \(operand) on the right of \(block.range)"
    }
  }
}

extension Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .wrongPlace(let rank): "rank \(rank): this schedule is for another rank, size or count"
    case .outOfBounds(let place): "\(place): reaches out of the buffer or the workspace"
    case .wrongPeer(let place): "\(place): there is no such other rank"
    case .operandOverlaps(let place): "\(place): the operand overlaps the sum"
    case .unmatchedSend(let place): "\(place): no receive takes this message"
    case .unmatchedReceive(let place): "\(place): no send fills this receive"
    case .lengthMismatch(let sent, let received): "\(sent): is not as long as its receive at \(received)"
    case .race(let earlier, let later, let elements):
      "\(later): no dependency orders it after action \(earlier.index) (\(earlier.action)), "
        + "which shares \(elements)"
    case .deadlock(let delivery, let waiting):
      "deadlock with \(delivery) sends: \(waiting.map(\.description).joined(separator: "; "))"
    case .undefinedOperand(let place, let elements): "\(place): nothing was written to \(elements)"
    case .misplacedOperand(let place, let elements):
      "\(place): other elements of the buffers are added to \(elements)"
    case .misplacedResult(let rank, let elements): "rank \(rank): \(elements) hold the sums of other elements"
    case .undefinedResult(let rank, let elements):
      "rank \(rank): elements \(elements) of the result have no value"
    case .repeatedContribution(let contributor, let rank, let elements):
      "rank \(rank): contribution \(contributor) is in \(elements) more than once"
    case .missingContribution(let contributor, let rank, let elements):
      "rank \(rank): contribution \(contributor) is missing in \(elements)"
    case .orderDiffers(let rank, let elements, let order, let onRankZero):
      "rank \(rank): adds \(elements) as \(order), rank 0 as \(onRankZero)"
    case .roundingDiffers(let rank, let elements):
      "rank \(rank): rounds other partial sums of \(elements) than rank 0"
    case .unstatedOrder(let elements, let order, let stated):
      "adds \(elements) as \(order), stated is \(stated)"
    case .costDiffers(let rank, let cost, let stated): "rank \(rank): costs \(cost), by the formula \(stated)"
    }
  }
}
