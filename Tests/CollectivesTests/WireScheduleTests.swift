import Collectives
import Testing

/// Schedules with bfloat16 on the wire, where a send rounds its block.
@Suite struct WireScheduleTests {
  /// Each algorithm in small segments, and how often it rounds.
  private static let algorithms:
    [(any ScheduledAllreduce, roundings: @Sendable (_ size: Int) -> ClosedRange<Int>)] = [
      // Once for each send of the reduce-scatter, and once when the sum is complete.
      (Ring(segmentLength: 2, lanesInFlight: 2), { $0...$0 }),
      // What is sent, and what comes back.
      (Direct(segmentLength: 3, lanesInFlight: 2), { _ in 2...2 }),
      (Linear(segmentLength: 3, lanesInFlight: 2), { _ in 2...2 }),
      // Once a round, and once at the end.
      (HalvingDoubling(laneLength: 12, lanesInFlight: 2), { 2...ceilLog2($0) + 1 }),
      (RecursiveDoubling(segmentLength: 3, lanesInFlight: 2), { 2...ceilLog2($0) + 1 }),
      (RecursiveDoubling(segmentLength: 3, lanesInFlight: 2, largestGroup: 2), { 2...ceilLog2($0) + 1 }),
    ]

  private static func ceilLog2(_ size: Int) -> Int { Int.bitWidth - (size - 1).leadingZeroBitCount }

  @Test(arguments: provedSizes)
  func isProvedWhereSendsRound(size: Int) {
    for (algorithm, roundings) in Self.algorithms {
      // Proofs of many ranks take their time.
      for count in size > 16 ? [2 * size + 1] : [0, 1, size + 1, 4 * size] {
        let report = ScheduleVerifier.verify(algorithm, size: size, count: count, wire: .bfloat16)
        #expect(report.findings.isEmpty, "\(algorithm.name), size \(size), count \(count)")
        let expected = size == 1 || count == 0 ? 0...0 : roundings(size)
        #expect(expected.contains(report.roundings), "\(algorithm.name), size \(size), count \(count)")
      }
    }
  }

  @Test(arguments: 2...6, [1, 3, 16])
  func isProvedForAnyNumberOfLanesInFlight(size: Int, lanesInFlight: Int) {
    let algorithms: [any ScheduledAllreduce] = [
      Ring(segmentLength: 2, lanesInFlight: lanesInFlight),
      Direct(segmentLength: 2, lanesInFlight: lanesInFlight),
      Linear(segmentLength: 2, lanesInFlight: lanesInFlight),
      HalvingDoubling(laneLength: 8, lanesInFlight: lanesInFlight),
      RecursiveDoubling(segmentLength: 2, lanesInFlight: lanesInFlight),
    ]
    for algorithm in algorithms {
      let report = ScheduleVerifier.verify(algorithm, size: size, count: 40, wire: .bfloat16)
      #expect(report.findings.isEmpty, "\(algorithm.name)")
    }
  }

  @Test(arguments: Algorithm.allCases, [2, 3, 5, 8])
  func isProvedAsItRunsByDefault(algorithm: Algorithm, size: Int) {
    guard let scheduled = algorithm.scheduled(elementBytes: 4) else { return }
    let report = ScheduleVerifier.verify(scheduled, size: size, count: 1_000_003, wire: .bfloat16)
    #expect(report.findings.isEmpty)
  }

  /// Two ranks that exchange one element and add.
  private func exchange(
    _ actions: (_ peer: Int32, _ side: Action.Side) -> [(action: Action, dependencies: [Int])]
  ) -> [Schedule] {
    (0..<2).map { rank in
      Schedule(
        size: 2, rank: rank, count: 1, workspaceCount: 2, window: 8,
        steps: actions(Int32(1 - rank), rank == 0 ? .right : .left))
    }
  }

  private struct OneExchange: ScheduledAllreduce {
    let name = "one exchange"
    func schedule(size: Int, rank: Int, count: Int) -> Schedule {
      preconditionFailure("made by the test")
    }
    func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
      ScheduleCost(sent: 1, received: 1, added: 1, messages: 1, rounds: 1)
    }
    func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)] {
      [(0..<count, .chain(0..<size))]
    }
  }

  private func findings(_ schedules: [Schedule], _ wire: WireFormat) -> [Finding] {
    ScheduleVerifier.verify(schedules, as: OneExchange(), wire: wire).findings
  }

  @Test func whatIsNotSentIsRoundedAtTheEnd() {
    let schedules = exchange { peer, side in
      [
        (.send(Block(0..<1), to: peer), []), (.receive(Block(1..<2), from: peer), []),
        (.combine(operand: 1, side, into: Block(0..<1)), [0, 1]),
      ]
    }
    let report = ScheduleVerifier.verify(schedules, as: OneExchange(), wire: .bfloat16)
    #expect(report.findings.isEmpty)
    #expect(report.roundings == 2)
    #expect(ScheduleVerifier.verify(schedules, as: OneExchange()).roundings == 0)
  }

  @Test func anAdditionThatReadsABlockDuringItsSendIsARace() {
    // The received element is a part of the sum, the own one is the operand.
    let schedules = exchange { peer, side in
      [
        (.send(Block(0..<1), to: peer), []), (.receive(Block(1..<2), from: peer), []),
        (.combine(operand: 0, side == .left ? .right : .left, into: Block(1..<2)), [1]),
        (.combine(operand: 1, .right, into: Block(2..<3)), [2]),
      ]
    }
    let races = findings(schedules, .bfloat16).filter {
      if case .race(let earlier, let later, 0..<1) = $0 {
        earlier.index == 0 && later.index == 2
      } else {
        false
      }
    }
    #expect(races.count == 2)
    #expect(!findings(schedules, .float32).contains { if case .race = $0 { true } else { false } })
  }

  @Test func sendsOfOneBlockMayBeConcurrent() {
    let schedules = (0..<3).map { rank in
      Schedule(
        size: 3, rank: rank, count: 1, workspaceCount: 0, window: 8,
        steps: rank == 0
          ? [(.send(Block(0..<1), to: 1), []), (.send(Block(0..<1), to: 2), [])]
          : [(.receive(Block(0..<1), from: 0), [])])
    }
    #expect(!findings(schedules, .bfloat16).contains { if case .race = $0 { true } else { false } })
  }

  @Test func ranksThatRoundDifferentPartialSumsAreFound() {
    // Ranks 0 and 1 both hold the sum of their elements, and only rank 0 sends it before it goes on.
    let send = { (peer: Int32) in Action.send(Block(0..<1), to: peer) }
    let receive = { (peer: Int32, element: Int) in Action.receive(Block(element..<element + 1), from: peer) }
    let add = { (element: Int32, side: Action.Side) in
      Action.combine(operand: element, side, into: Block(0..<1))
    }
    let steps: [[(action: Action, dependencies: [Int])]] = [
      [
        (send(1), []), (receive(1, 1), []), (add(1, .right), [0, 1]), (send(2), [2]), (receive(2, 2), []),
        (add(2, .right), [3, 4]),
      ],
      [
        (send(0), []), (receive(0, 1), []), (add(1, .left), [0, 1]), (receive(2, 2), []),
        (add(2, .right), [2, 3]),
      ],
      [(send(0), []), (send(1), []), (receive(0, 1), []), (add(1, .left), [0, 1, 2])],
    ]
    let schedules = steps.indices.map {
      Schedule(size: 3, rank: $0, count: 1, workspaceCount: 2, window: 8, steps: steps[$0])
    }
    let found = findings(schedules, .bfloat16).filter {
      if case .costDiffers = $0 { false } else { true }
    }
    #expect(found == [.roundingDiffers(rank: 1, elements: 0..<1)])
    #expect(found.first?.description == "rank 1: rounds other partial sums of 0..<1 than rank 0")
  }
}
