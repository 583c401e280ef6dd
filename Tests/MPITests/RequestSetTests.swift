import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct RequestSetTests {
    /// Ways to wait until all is received.
    enum Way: CaseIterable, Sendable { case testAny, waitAny, wait, waitAll }

    @Test(arguments: Way.allCases, pieceLimits)
    func everyTransferIsReportedOnceWithItsSlot(way: Way, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        let count = 5
        var inbox = [Int32](repeating: untouched, count: count * world.size)
        let outbox = elements(of: world.rank, count: count)
        try inbox.withUnsafeMutableBytes { inbox in
          try outbox.withUnsafeBytes { outbox in
            var set = RequestSet(capacity: 2 * world.size)
            var slots = Set<Int>()
            for peer in 0..<world.size {
              let part = UnsafeMutableRawBufferPointer(
                rebasing: inbox[peer * 4 * count..<(peer + 1) * 4 * count])
              slots.insert(try set.startReceive(part, from: peer, tag: 1, on: world))
            }
            for peer in 0..<world.size {
              slots.insert(try set.startSend(outbox, to: peer, tag: 1, on: world))
            }
            #expect(slots.count == 2 * world.size)
            #expect(set.activeCount == 2 * world.size)
            switch way {
            case .waitAll: try set.waitAll()
            case .wait: for slot in slots { try set.wait(slot) }
            case .waitAny: while let slot = try set.waitAny() { #expect(slots.remove(slot) != nil) }
            case .testAny:
              while set.activeCount > 0 {
                if let slot = try set.testAny() { #expect(slots.remove(slot) != nil) }
              }
            }
            if way == .testAny || way == .waitAny { #expect(slots.isEmpty) }
            #expect(set.activeCount == 0)
            let (any, tested) = (try set.waitAny(), try set.testAny())
            #expect(any == nil && tested == nil)
          }
        }
        #expect(inbox == (0..<world.size).flatMap { elements(of: $0, count: count) })
      }
    }

    @Test func slotsAreUsedAgain() throws {
      try withWorld { world in
        var set = RequestSet(capacity: 2)
        let next = (world.rank + 1) % world.size
        let previous = (world.rank + world.size - 1) % world.size
        for round in 0..<100 {
          let outbox = [Int32(round)]
          var inbox = [untouched]
          try outbox.withUnsafeBytes { outbox in
            try inbox.withUnsafeMutableBytes { inbox in
              let receive = try set.startReceive(inbox, from: previous, tag: round, on: world)
              let send = try set.startSend(outbox, to: next, tag: round, on: world)
              #expect(Set([receive, send]) == [0, 1])
              try set.wait(receive)
              #expect(set.activeCount == 1)
              try set.wait(receive)
              try set.wait(send)
            }
          }
          #expect(inbox == outbox)
        }
      }
    }

    @Test func aFullSetAndAWrongSlotAreRefused() throws {
      try withWorld { world in
        var set = RequestSet(capacity: 1)
        let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        let first = try set.startReceive(nothing, from: world.rank, tag: 0, on: world)
        let full = mpiError { _ = try set.startReceive(nothing, from: world.rank, tag: 0, on: world) }
        #expect(
          full?.description
            == "rank \(world.rank): RequestSet.startReceive: all 1 slots are active: wait for one, "
            + "or make the set with a larger capacity")
        let wrong = mpiError { try set.wait(7) }
        #expect(wrong?.text == "slot 7 is outside 0..<1")
        try world.send([Int32]().span, to: world.rank)
        try set.wait(first)
      }
    }

    @Test(arguments: Way.allCases)
    func aFailedTransferIsReportedAndGone(way: Way) throws {
      try withWorld { world in
        guard world.size > 1 else { return }
        let previous = (world.rank + world.size - 1) % world.size
        var set = RequestSet(capacity: 2)
        var room = [UInt8](repeating: 0, count: 3)
        let error = mpiError {
          try room.withUnsafeMutableBytes { room in
            let slot = try set.startReceive(room, from: previous, tag: 0, on: world)
            try world.send([UInt8](repeating: 1, count: 4).span, to: (world.rank + 1) % world.size)
            switch way {
            case .testAny: while try set.testAny() == nil {}
            case .waitAny: _ = try set.waitAny()
            case .wait: try set.wait(slot)
            case .waitAll: try set.waitAll()
            }
          }
        }
        #expect(error?.class == .truncate)
        #expect(set.activeCount == 0)
        try set.waitAll()
      }
    }
  }
}
