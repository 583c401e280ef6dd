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
    let store = ScheduleStore(size: schedules.count, symmetry: nil) { schedules[$0] }
    var windowed = WindowedOrder(store, ranks: schedules.count)
    for (rank, schedule) in schedules.enumerated() {
      var order = IssueOrder(schedule)
      var inHand: [Int] = []
      while !order.isDone {
        while let action = order.next() {
          let next = windowed.next(rank)
          #expect(next == action)
          let isInWindow = windowed.isInWindow(action, rank: rank)
          #expect(isInWindow)
          inHand.append(action)
        }
        let none = windowed.next(rank)
        #expect(none == nil)
        let isDone = windowed.isDone(rank, store)
        #expect(!isDone)
        let action = inHand.remove(at: Int.random(in: inHand.indices, using: &random))
        order.complete(action)
        _ = windowed.complete(action, rank, store)
      }
      let isDone = windowed.isDone(rank, store)
      #expect(isDone)
    }
  }

  @Test(arguments: SimulatorTests.scheduled, [2, 5, 8, 16])
  func findsTheOtherEndOfEveryMessage(algorithm: Algorithm, size: Int) throws {
    let algorithm = try #require(algorithm.scheduled(elementBytes: 4))
    // An even number of elements, with symmetric ranks if there is any symmetry, and an odd one.
    for count in [4_096 * size, 100_003] {
      let schedules = (0..<size).map { algorithm.schedule(size: size, rank: $0, count: count) }
      let matching = MessageMatching(schedules)
      for symmetry in Set([nil, algorithm.symmetry(size: size, count: count)]) {
        let store = ScheduleStore(size: size, symmetry: symmetry) { schedules[$0] }
        for (rank, schedule) in schedules.enumerated() {
          for (index, action) in schedule.actions.enumerated() {
            let partner = Int(matching.partners[rank][index])
            switch action {
            case .send(let block, let peer):
              #expect(store.receiver(ofSend: index, rank: rank) == (Int(peer), partner))
              #expect(store.length(index, rank) == block.count)
            case .receive(let block, let peer):
              #expect(store.sender(ofReceive: index, rank: rank) == (Int(peer), partner))
              #expect(store.length(index, rank) == block.count)
            case .combine: break
            }
          }
        }
      }
    }
  }

  @Test func eventsComeInTheOrderOfTimeAndThenOfRank() {
    var random = SeededGenerator(seed: 3)
    var queues = EventQueues(groups: 2)
    var expected: [(time: Double, rank: Int)] = []
    for _ in 0..<1_000 {
      let event = (
        time: Double(Int.random(in: 0..<50, using: &random)) / 7, rank: Int.random(in: 0..<40, using: &random)
      )
      expected.append(event)
      queues.insert(Event(.wake, at: event.time, rank: event.rank), 1)
    }
    expected.sort { $0 < $1 }
    let first = queues.time
    #expect(first == expected[0].time)
    let none = queues.popFirst(0, before: .infinity)
    #expect(none == nil)
    for event in expected {
      let early = queues.popFirst(1, before: event.time)
      #expect(early == nil)
      let found = queues.popFirst(1, before: .infinity)
      #expect(found?.time == event.time && found?.rank == event.rank)
    }
    let last = queues.popFirst(1, before: .infinity)
    #expect(last == nil)
  }
}
