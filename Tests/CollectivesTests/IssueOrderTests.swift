import MPITestSupport
import Testing

@testable import Collectives

/// Which actions start when.
@Suite struct IssueOrderTests {
  /// A root that served its ranks in another order than its schedule says once took a quarter longer for a short sum.
  @Test func actionsThatOneCompletesStartInTheOrderOfTheSchedule() {
    let first = (action: Action.combine(operand: 0, .left, into: Block(1..<2)), dependencies: [Int]())
    let others = (1..<7).map { to in (action: Action.send(Block(0..<1), to: Int32(to)), dependencies: [0]) }
    let schedule = Schedule(size: 7, rank: 0, count: 2, workspaceCount: 0, window: 7, steps: [first] + others)
    var order = IssueOrder(schedule)
    #expect(order.next() == 0)
    #expect(order.next() == nil)
    order.complete(0)
    #expect((0..<6).map { _ in order.next() } == Array(1..<7))
  }

  @Test(arguments: 2...9)
  func linearSendsTheSumToRankOneFirst(size: Int) {
    let schedule = Linear(elementBytes: 4).schedule(size: size, rank: 0, count: 1_024)
    var order = IssueOrder(schedule)
    var waiting: [Int] = []
    var receivers: [Int32] = []
    while !order.isDone {
      while let action = order.next() {
        if case .send(_, let peer) = schedule.actions[action] { receivers.append(peer) }
        waiting.append(action)
      }
      order.complete(waiting.removeFirst())
    }
    #expect(receivers == (1..<Int32(size)).map { $0 })
  }
}
