import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct PointToPointTests {
    @Test(arguments: pieceLimits, [SendMode.standard, .synchronous])
    func messagesOfEveryLengthGoRound(limit: Int, mode: SendMode) throws {
      try withWorld(pieceLimit: limit) { world in
        let next = (world.rank + 1) % world.size
        let previous = (world.rank + world.size - 1) % world.size
        for count in lengths(world.size) + [100_000] {
          let mine = elements(of: world.rank, count: count)
          // One element of room too many: the status has the length.
          var inbox = [Int32](repeating: untouched, count: count + 1)
          var span = inbox.mutableSpan
          let receive = try world.startReceive(into: &span, from: previous, tag: 3)
          let send = try world.startSend(mine.span, to: next, tag: 3, mode: mode)
          try send.wait()
          let status = try receive.wait()
          #expect(status.source == previous)
          #expect(status.tag == 3)
          #expect(status.count(of: Int32.self) == count)
          #expect(inbox == elements(of: previous, count: count) + [untouched])
        }
      }
    }

    @Test(arguments: pieceLimits)
    func blockingMessagesGoDownAChain(limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for count in lengths(world.size) {
          var values = elements(of: 0, count: count)
          if world.rank > 0 {
            values = try inPlace([Int32](repeating: 0, count: count)) {
              let status = try world.receive(into: &$0, from: world.rank - 1)
              #expect(status.count(of: Int32.self) == count)
            }
          }
          if world.rank + 1 < world.size { try world.send(values.span, to: world.rank + 1) }
          #expect(values == elements(of: 0, count: count))
        }
      }
    }

    @Test func everyElementTypeTravels() throws {
      func check<T: MPIScalar & Equatable>(_ value: T, on world: borrowing Communicator) throws {
        let found = try outOfPlace([value, value], count: 2, fill: value) {
          try world.sendReceive($0, to: world.rank, into: &$1, from: world.rank)
        }
        #expect(found == [value, value])
        #expect(T.datatype.size == MemoryLayout<T>.stride)
      }
      func checkExtremes<T: MPIScalar & FixedWidthInteger>(
        _: T.Type, on world: borrowing Communicator
      ) throws {
        try check(T.min, on: world)
        try check(T.max, on: world)
      }
      try withWorld { world in
        for type in integerTypes { try checkExtremes(type, on: world) }
        try check(Float.leastNonzeroMagnitude, on: world)
        try check(-Double.greatestFiniteMagnitude, on: world)
        try check(true, on: world)
        try check(false, on: world)
      }
    }

    @Test(arguments: pieceLimits)
    func sendReceiveShiftsAlongTheRing(limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        let next = (world.rank + 1) % world.size
        let previous = (world.rank + world.size - 1) % world.size
        for count in lengths(world.size) {
          let mine = elements(of: world.rank, count: count)
          let expected = elements(of: previous, count: count)
          let found = try outOfPlace(mine, count: count, fill: untouched) {
            let status = try world.sendReceive($0, to: next, into: &$1, from: previous, sendTag: 5)
            #expect(status.count(of: Int32.self) == count)
          }
          let replaced = try inPlace(mine) {
            try world.sendReceive(
              replacing: &$0, to: next, from: previous, sendTag: world.rank, receiveTag: previous)
          }
          #expect(found == expected)
          #expect(replaced == expected)
        }
      }
    }

    @Test func nobodyAtTheEdgeOfAGrid() throws {
      try withWorld { world in
        let next = world.rank + 1 < world.size ? world.rank + 1 : MPI.nullRank
        let previous = world.rank > 0 ? world.rank - 1 : MPI.nullRank
        let found = try outOfPlace([Int32(world.rank)], count: 1, fill: untouched) {
          try world.sendReceive($0, to: next, into: &$1, from: previous)
        }
        #expect(found == [world.rank > 0 ? Int32(previous) : untouched])
      }
    }

    @Test func aReceiveFromAnyoneLearnsWhoItWas() throws {
      try withWorld { world in
        if world.rank > 0 {
          try world.send([Int32(world.rank)].span, to: 0, tag: 100 + world.rank)
          return
        }
        var seen: [Int] = []
        for _ in 1..<max(world.size, 1) {
          var status: Status?
          let values = try inPlace([untouched]) {
            status = try world.receive(into: &$0, from: MPI.anySource, tag: MPI.anyTag)
          }
          #expect(status?.source == Int(values[0]))
          #expect(status?.tag == 100 + Int(values[0]))
          seen.append(Int(values[0]))
        }
        #expect(seen.sorted() == Array(1..<world.size))
      }
    }

    @Test func aMessageThatIsTooLongIsTruncationInMPIsWords() throws {
      try withWorld { world in
        let error = mpiError {
          let outbox = elements(of: world.rank, count: 10)
          try world.startSend(outbox.span, to: world.rank).wait()
          _ = try inPlace([Int32](repeating: 0, count: 9)) { try world.receive(into: &$0, from: world.rank) }
        }
        #expect(error?.class == .truncate)
        #expect(
          error?.description == "rank \(world.rank): MPI_Recv: MPI_ERR_TRUNCATE: message truncated")
      }
    }

    @Test func aStartedReceiveReportsTruncationWhenItIsWaitedFor() throws {
      try withWorld { world in
        // Not to oneself: Open MPI 4.1 cuts such a message without a word when its receive was started
        // before.
        guard world.size > 1 else { return }
        let later = mpiError {
          _ = try inPlace([Int32](repeating: 0, count: 9)) {
            let request = try world.startReceive(into: &$0, from: (world.rank + world.size - 1) % world.size)
            let outbox = elements(of: world.rank, count: 10)
            try world.startSend(outbox.span, to: (world.rank + 1) % world.size).wait()
            try request.wait()
          }
        }
        #expect(later?.call == "MPI_Wait")
        #expect(later?.class == .truncate)
      }
    }

    @Test func ranksAndTagsOutsideTheirRangesAreRefused() throws {
      try withWorld { world in
        let one = [Int32(1)]
        var error = mpiError { try world.send(one.span, to: world.size) }
        #expect(error?.class == .rank)
        #expect(error?.isUsage == true)
        #expect(
          error?.text == "rank \(world.size) is outside 0..<\(world.size), the ranks of this communicator")
        error = mpiError { try world.send(one.span, to: 0, tag: -5) }
        #expect(error?.class == .tag)
        #expect(error?.text == "tag -5 is outside 0...2147483647")
        error = mpiError { _ = try inPlace(one) { try world.receive(into: &$0, from: -7) } }
        #expect(error?.class == .rank)
        error = mpiError { try world.send(one.span, to: MPI.anySource) }
        #expect(error?.class == .rank)
      }
    }
  }

  @Suite struct ProbeTests {
    @Test func aProbeTellsTheLengthAndLeavesTheMessage() throws {
      try withWorld { world in
        let nothing = try world.probeNow(from: MPI.anySource, tag: MPI.anyTag)
        #expect(nothing == nil)
        try world.barrier()
        let previous = (world.rank + world.size - 1) % world.size
        let mine = elements(of: world.rank, count: 3 + world.rank)
        let send = try world.startSend(mine.span, to: (world.rank + 1) % world.size, tag: 4)
        let status = try world.probe(from: MPI.anySource, tag: MPI.anyTag)
        let again = try world.probeNow(from: previous, tag: 4)
        #expect(again == status)
        #expect(status == again && status.source == previous && status.tag == 4)
        let count = try #require(status.count(of: Int32.self))
        let found = try inPlace([Int32](repeating: untouched, count: count)) {
          try world.receive(into: &$0, from: status.source, tag: status.tag)
        }
        try send.wait()
        #expect(found == elements(of: previous, count: 3 + previous))
        #expect(status.count(of: Double.self) == (count % 2 == 0 ? count / 2 : nil))
      }
    }

    @Test func aMatchedMessageBelongsToWhoTookIt() throws {
      try withWorld { world in
        let none = try world.matchedProbeNow(from: MPI.anySource, tag: 1) == nil
        #expect(none)
        try world.barrier()
        let previous = (world.rank + world.size - 1) % world.size
        let mine = elements(of: world.rank, count: 3 + world.rank)
        let send = try world.startSend(mine.span, to: (world.rank + 1) % world.size, tag: 1)
        let message = try world.matchedProbe(from: previous, tag: 1)
        let left = try world.probeNow(from: MPI.anySource, tag: MPI.anyTag)
        #expect(left == nil)
        let found = try message.receive(Int32.self)
        try send.wait()
        #expect(found == elements(of: previous, count: 3 + previous))
      }
    }
  }
}
