import MPITestSupport
import Testing

@testable import Collectives

/// The simulator issues actions as the executor and the verifier do.
@Suite struct SimulatorOrderTests {
  @Test(arguments: SimulatorTests.scheduled, [2, 5, 8])
  func theSameActionsInTheSameOrderAsIssueOrder(algorithm: Algorithm, size: Int) throws {
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    compare((0..<size).map { schedules.schedule(size: size, rank: $0, count: 700_001) }, seed: 1)
  }

  @Test(arguments: 0..<50)
  func theSameForAnyDependenciesAndWindow(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let count = Int.random(in: 0...40, using: &random)
    let window = Int.random(in: 1...12, using: &random)
    let steps = (0..<count).map { action in
      let dependencies = (0..<action).filter { _ in Int.random(in: 0..<max(2, action), using: &random) < 2 }
      return (action: Action.combine(operand: 0, .left, into: Block(1..<2)), dependencies: dependencies)
    }
    compare(
      [Schedule(size: 1, rank: 0, count: 2, workspaceCount: 0, window: window, steps: steps)],
      seed: UInt64(seed))
  }

  /// Completes actions in a random order, on both.
  private func compare(_ schedules: [Schedule], seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var store = ScheduleStore(size: schedules.count)
    for schedule in schedules { store.append(schedule) }
    var windowed = WindowedOrder(store)
    for (rank, schedule) in schedules.enumerated() {
      var order = IssueOrder(schedule)
      var inHand: [Int] = []
      while !order.isDone {
        while let action = order.next() {
          #expect(windowed.next(rank) == action)
          #expect(windowed.isInWindow(action, rank: rank))
          inHand.append(action)
        }
        #expect(windowed.next(rank) == nil)
        #expect(!windowed.isDone(rank, store))
        let action = inHand.remove(at: Int.random(in: inHand.indices, using: &random))
        order.complete(action)
        _ = windowed.complete(action, rank, store)
      }
      #expect(windowed.isDone(rank, store))
    }
  }

  @Test(arguments: SimulatorTests.scheduled, [2, 5, 8, 16])
  func findsTheOtherEndOfEveryMessage(algorithm: Algorithm, size: Int) throws {
    let algorithm = try #require(algorithm.scheduled(elementBytes: 4))
    let schedules = (0..<size).map { algorithm.schedule(size: size, rank: $0, count: 100_003) }
    var store = ScheduleStore(size: size)
    for schedule in schedules { store.append(schedule) }
    let matching = MessageMatching(schedules)
    for (rank, schedule) in schedules.enumerated() {
      for (index, action) in schedule.actions.enumerated() {
        switch action {
        case .send(_, let peer):
          let found = store.receiver(ofSend: index, rank: rank)
          #expect(found == (Int(peer), Int(matching.partners[rank][index])))
        case .receive(_, let peer):
          let found = store.sender(ofReceive: index, rank: rank)
          #expect(found == (Int(peer), Int(matching.partners[rank][index])))
        case .combine: break
        }
      }
    }
  }

  @Test func eventsComeInTheOrderOfTimeAndThenOfRank() {
    var random = SeededGenerator(seed: 3)
    var queue = EventQueue(capacity: 10)
    var expected: [(time: Double, rank: Int)] = []
    for _ in 0..<1_000 {
      let event = (
        time: Double(Int.random(in: 0..<50, using: &random)) / 7, rank: Int.random(in: 0..<40, using: &random)
      )
      expected.append(event)
      queue.insert(Event(.wake, at: event.time, rank: event.rank))
    }
    for event in expected.sorted(by: { $0 < $1 }) {
      let found = queue.popFirst()
      #expect(found?.time == event.time && found?.rank == event.rank)
    }
    #expect(queue.popFirst() == nil)
  }
}
