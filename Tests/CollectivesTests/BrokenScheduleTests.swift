import Collectives
import Testing

/// The verifier has to find what is wrong: schedules that are right but for one change.
@Suite struct BrokenScheduleTests {
  let ring = Ring(segmentLength: 2, lanesInFlight: 2)
  let size = 4
  let count = 24

  /// The ring's schedules, to be changed.
  func drafts() -> [Draft] {
    (0..<size).map { Draft(ring.schedule(size: size, rank: $0, count: count)) }
  }

  func findings(_ drafts: [Draft]) -> [Finding] {
    ScheduleVerifier.verify(drafts.map(\.schedule), as: ring).findings
  }

  @Test func theUnchangedRingHasNoFindings() {
    #expect(findings(drafts()).isEmpty)
  }

  @Test func aSendLeftOut() {
    var drafts = drafts()
    drafts[1].remove(drafts[1].first(of: .send))
    #expect(
      findings(drafts).contains {
        if case .unmatchedReceive(let place) = $0 { place.rank == 2 } else { false }
      })
  }

  @Test func aReceiveLeftOut() {
    var drafts = drafts()
    drafts[1].remove(drafts[1].last(of: .receive))
    #expect(
      findings(drafts).contains { if case .unmatchedSend(let place) = $0 { place.rank == 0 } else { false } })
  }

  @Test func anAdditionMadeTwice() {
    var drafts = drafts()
    drafts[2].double(drafts[2].first(of: .combine))
    #expect(
      findings(drafts).contains {
        if case .repeatedContribution(of: 1, _, _) = $0 { true } else { false }
      })
  }

  @Test func anAdditionLeftOut() {
    var drafts = drafts()
    drafts[2].remove(drafts[2].first(of: .combine))
    #expect(
      findings(drafts).contains {
        if case .missingContribution(of: 1, _, _) = $0 { true } else { false }
      })
  }

  @Test func aSendToTheWrongRank() {
    var drafts = drafts()
    let send = drafts[0].first(of: .send)
    guard case .send(let block, _) = drafts[0].steps[send].action else { return }
    drafts[0].steps[send].action = .send(block, to: 3)
    let found = findings(drafts)
    #expect(found.contains { if case .unmatchedSend(let place) = $0 { place.rank == 0 } else { false } })
    #expect(found.contains { if case .unmatchedReceive(let place) = $0 { place.rank == 1 } else { false } })
  }

  @Test func aRankThatDoesNotExist() {
    var drafts = drafts()
    let send = drafts[0].first(of: .send)
    guard case .send(let block, _) = drafts[0].steps[send].action else { return }
    for peer in [-1, 0, 4] as [Int32] {
      drafts[0].steps[send].action = .send(block, to: peer)
      #expect(findings(drafts) == [.wrongPeer(drafts[0].schedule.place(send))])
    }
  }

  @Test func aSendOfElementsThatAreNotYetSummed() {
    var drafts = drafts()
    let send = drafts[3].first(of: .send)
    drafts[3].shift(send, by: 1)
    #expect(
      findings(drafts).contains {
        if case .race(let earlier, _, _) = $0 { earlier.rank == 3 && earlier.index == send } else { false }
      })
  }

  @Test func anAdditionOfOtherElements() {
    // Rank 0 exchanges the two elements on their way.
    let schedules = [
      Schedule(
        size: 2, rank: 0, count: 2, workspaceCount: 0, window: 8,
        steps: [
          (.send(Block(1..<2), to: 1), []), (.send(Block(0..<1), to: 1), []),
          (.receive(Block(0..<2), from: 1), [0, 1]),
        ]),
      Schedule(
        size: 2, rank: 1, count: 2, workspaceCount: 2, window: 8,
        steps: [
          (.receive(Block(2..<3), from: 0), []), (.receive(Block(3..<4), from: 0), []),
          (.combine(operand: 2, .left, into: Block(0..<2)), [0, 1]), (.send(Block(0..<2), to: 0), [2]),
        ]),
    ]
    let sum = schedules[1].place(2)
    let found = ScheduleVerifier.verify(schedules, as: ring).findings
    #expect(found == [.misplacedOperand(sum, elements: 2..<3), .misplacedOperand(sum, elements: 3..<4)])
  }

  @Test func aResultPutInTheWrongPlace() {
    // Rank 1 adds both elements and sends them back; rank 0 exchanges them.
    let schedules = [
      Schedule(
        size: 2, rank: 0, count: 2, workspaceCount: 0, window: 8,
        steps: [
          (.send(Block(0..<2), to: 1), []), (.receive(Block(1..<2), from: 1), [0]),
          (.receive(Block(0..<1), from: 1), [0]),
        ]),
      Schedule(
        size: 2, rank: 1, count: 2, workspaceCount: 2, window: 8,
        steps: [
          (.receive(Block(2..<4), from: 0), []), (.combine(operand: 2, .left, into: Block(0..<2)), [0]),
          (.send(Block(0..<1), to: 0), [1]), (.send(Block(1..<2), to: 0), [1]),
        ]),
    ]
    let found = ScheduleVerifier.verify(schedules, as: ring).findings
    #expect(found.contains(.misplacedResult(rank: 0, elements: 0..<1)))
    #expect(found.contains(.misplacedResult(rank: 0, elements: 1..<2)))
  }

  @Test func aSendThatIsTooShort() {
    var drafts = drafts()
    let send = drafts[3].first(of: .send)
    guard case .send(let block, let peer) = drafts[3].steps[send].action else { return }
    drafts[3].steps[send].action = .send(Block(block.range.dropLast(1)), to: peer)
    #expect(findings(drafts).contains { if case .lengthMismatch = $0 { true } else { false } })
  }

  @Test func aBlockOutsideTheMemory() {
    var drafts = drafts()
    let receive = drafts[0].last(of: .receive)
    drafts[0].shift(receive, by: 1_000)
    #expect(findings(drafts) == [.outOfBounds(drafts[0].schedule.place(receive))])
  }

  @Test func aBlockAcrossTheEndOfTheBuffer() {
    var drafts = drafts()
    let receive = drafts[0].first(of: .receive)
    drafts[0].steps[receive].action = .receive(Block(count - 1..<count + 1), from: 3)
    #expect(findings(drafts) == [.outOfBounds(drafts[0].schedule.place(receive))])
  }

  @Test func aWindowTooShortForTheExchange() {
    var drafts = drafts()
    for rank in drafts.indices { drafts[rank].window = 1 }
    let found = findings(drafts)
    // Every rank sends and nobody receives; with buffered sends it would work.
    #expect(found.count == 1)
    guard case .deadlock(.rendezvous, let waiting) = found.first else {
      Issue.record("expected a deadlock, found \(found)")
      return
    }
    #expect(waiting.map(\.rank) == [0, 1, 2, 3])
    #expect(waiting.allSatisfy { if case .send = $0.action { true } else { false } })
  }

  @Test func ranksThatAllReceiveFirst() {
    let schedules = (0..<2).map { rank in
      Schedule(
        size: 2, rank: rank, count: 4, workspaceCount: 4, window: 8,
        steps: [
          (.receive(Block(4..<8), from: Int32(1 - rank)), []),
          (.send(Block(0..<4), to: Int32(1 - rank)), [0]),
        ])
    }
    let found = ScheduleVerifier.verify(schedules, as: ring).findings
    for delivery in Finding.Delivery.allCases {
      #expect(found.contains(.deadlock(delivery, waiting: schedules.map { $0.place(0) })))
    }
  }

  @Test func ranksThatAddInDifferentOrders() {
    // Both exchange their buffers and put what they receive on the left.
    let schedules = (0..<2).map { rank in
      Schedule(
        size: 2, rank: rank, count: 4, workspaceCount: 4, window: 8,
        steps: [
          (.send(Block(0..<4), to: Int32(1 - rank)), []),
          (.receive(Block(4..<8), from: Int32(1 - rank)), []),
          (.combine(operand: 4, .left, into: Block(0..<4)), [0, 1]),
        ])
    }
    let found = ScheduleVerifier.verify(schedules, as: ring).findings
    #expect(
      found.contains(
        .orderDiffers(rank: 1, elements: 0..<4, order: .chain([0, 1]), onRankZero: .chain([1, 0]))))
  }

  @Test func anOperandOnTheWrongSide() {
    var drafts = drafts()
    let sum = drafts[1].first(of: .combine)
    guard case .combine(let operand, _, let block) = drafts[1].steps[sum].action else { return }
    drafts[1].steps[sum].action = .combine(operand: operand, .right, into: block)
    #expect(findings(drafts).contains { if case .unstatedOrder = $0 { true } else { false } })
  }

  @Test func anOperandThatWasNeverReceived() {
    var drafts = drafts()
    let receive = drafts[1].first(of: .receive)
    drafts[1].remove(receive)
    let send = drafts[0].first(of: .send)
    drafts[0].remove(send)
    let found = findings(drafts)
    #expect(
      found.contains { if case .undefinedOperand(let place, _) = $0 { place.rank == 1 } else { false } })
  }

  @Test func aCostThatIsNotTheFormulas() {
    struct Misstated: ScheduledAllreduce {
      let ring: Ring
      var name: String { ring.name }
      func schedule(size: Int, rank: Int, count: Int) -> Schedule {
        ring.schedule(size: size, rank: rank, count: count)
      }
      func cost(size: Int, rank: Int, count: Int) -> ScheduleCost {
        var cost = ring.cost(size: size, rank: rank, count: count)
        if rank == 2 { cost.rounds -= 1 }
        return cost
      }
      func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)] {
        ring.additionOrders(size: size, count: count)
      }
    }
    let found = ScheduleVerifier.verify(Misstated(ring: ring), size: size, count: count).findings
    #expect(found.count == 1)
    #expect(found.contains { if case .costDiffers(rank: 2, _, _) = $0 { true } else { false } })
  }

  @Test func schedulesOfOtherRanks() {
    let schedules = [1, 0].map { ring.schedule(size: 2, rank: $0, count: 8) }
    #expect(
      ScheduleVerifier.verify(schedules, as: ring).findings == [.wrongPlace(rank: 0), .wrongPlace(rank: 1)])
  }

  @Test func anyOneActionLeftOutOrMovedOrDoubled() {
    for rank in 0..<size {
      for action in drafts()[rank].steps.indices {
        var without = drafts()
        without[rank].remove(action)
        #expect(!findings(without).isEmpty, "rank \(rank) without action \(action)")
        var moved = drafts()
        moved[rank].shift(action, by: 1)
        #expect(!findings(moved).isEmpty, "rank \(rank) with action \(action) moved")
        var doubled = drafts()
        doubled[rank].double(action)
        #expect(!findings(doubled).isEmpty, "rank \(rank) with action \(action) doubled")
      }
    }
  }

  @Test func anyOneDependencyLeftOutIsARace() {
    for rank in 0..<size {
      for action in drafts()[rank].steps.indices {
        for place in drafts()[rank].steps[action].dependencies.indices {
          var drafts = drafts()
          drafts[rank].steps[action].dependencies.remove(at: place)
          #expect(
            findings(drafts).contains {
              if case .race(_, let later, _) = $0 { later.rank == rank } else { false }
            },
            "rank \(rank), action \(action) without its dependency \(place)")
        }
      }
    }
  }
}
