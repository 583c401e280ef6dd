/// A schedule made ready to be run again and again over MPI.
final class ExecutionPlan {
  let schedule: Schedule
  var order: IssueOrder
  /// For each send and receive its number among those with the same peer and direction: the k-th send to a
  /// rank meets that rank's k-th receive, so both ends know the same number.
  let messageNumbers: [Int32]
  /// Elements sent in one run.
  let sentCount: Int
  /// What there is to do for bfloat16 on the wire; nil where elements travel as they are.
  let wire: WirePlan?
  /// The call that used the plan last.
  var lastCall = 0

  init(_ schedule: Schedule, wire: WireFormat = .float32) {
    precondition(schedule.window <= MessageTag.numbers)
    self.schedule = schedule
    order = IssueOrder(schedule)
    var sends: [Int32: Int32] = [:]
    var receives: [Int32: Int32] = [:]
    var sentCount = 0
    messageNumbers = schedule.actions.map { action in
      switch action {
      case .send(let block, let peer):
        sentCount += block.count
        sends[peer, default: 0] += 1
        return sends[peer, default: 0] - 1
      case .receive(_, let peer):
        receives[peer, default: 0] += 1
        return receives[peer, default: 0] - 1
      case .combine: return 0
      }
    }
    self.sentCount = sentCount
    self.wire = wire == .bfloat16 ? WirePlan(schedule) : nil
  }
}

/// MPI tags of a schedule's messages.
///
/// Twelve bits number the messages of a pair, three the calls; 15 bits are what every MPI has. Numbers wrap
/// without harm: within a call all messages in hand lie in one window, which is at most 4,096 long; and a
/// rank leaves a call only when its own sends and receives in it are complete, so its messages of two calls
/// are started in the order of the calls, and MPI matches messages with equal tags in that order. The call's
/// bits make ranks that lost step hang, where a watch finds them, instead of adding the wrong buffers.
enum MessageTag {
  static let numbers = 1 << 12
  private static let calls = 1 << 3

  static func tag(call: Int, message: Int32) -> Int {
    (call % calls) * numbers + Int(message) % numbers
  }
}
