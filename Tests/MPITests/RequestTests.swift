import Foundation
import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct RequestTests {
    @Test func anOwningRequestCanBeStoredAndHandsItsBufferBack() throws {
      try withWorld { world in
        let next = (world.rank + 1) % world.size
        let previous = (world.rank + world.size - 1) % world.size
        var exchange = Exchange(
          receive: try world.startReceive(
            into: OwnedBuffer<Int32>(repeating: untouched, count: 5), from: previous),
          send: try world.startSend(OwnedBuffer(elements(of: world.rank, count: 4)), to: next))
        let status = try exchange.receive.complete()
        #expect(status.source == previous)
        #expect(status.count(of: Int32.self) == 4)
        let (sent, received) = try exchange.finish()
        #expect(sent == elements(of: world.rank, count: 4))
        #expect(received == elements(of: previous, count: 4) + [untouched])
      }
    }

    private struct Exchange: ~Copyable {
      var receive: OwningRequest<OwnedBuffer<Int32>>
      var send: OwningRequest<OwnedBuffer<Int32>>

      consuming func finish() throws -> (sent: [Int32], received: [Int32]) {
        let received = try receive.wait()
        let sent = try send.wait()
        return (sent.array, received.array)
      }
    }

    @Test func testTurnsTrueOnceAndForAll() throws {
      try withWorld { world in
        let previous = (world.rank + world.size - 1) % world.size
        let found = try inPlace([untouched]) {
          var request = try world.startReceive(into: &$0, from: previous)
          let early = try request.test()
          #expect(!early)
          // Nobody has sent yet: all are before the barrier.
          try world.barrier()
          try world.send([Int32(world.rank)].span, to: (world.rank + 1) % world.size)
          while !(try request.test()) {}
          let again = try request.test()
          #expect(again)
          let status = try request.wait()
          #expect(status.source == previous)
        }
        #expect(found == [Int32(previous)])
      }
    }

    @Test func aDroppedRequestIsCompleteWhenItsBufferIsFree() throws {
      try withWorld { world in
        let next = (world.rank + 1) % world.size
        let previous = (world.rank + world.size - 1) % world.size
        let mine = elements(of: world.rank, count: 100_000)
        let found = try inPlace([Int32](repeating: untouched, count: mine.count)) {
          let receive = try world.startReceive(into: &$0, from: previous)
          _ = try world.startSend(OwnedBuffer(mine), to: next)
          _ = consume receive
        }
        #expect(found == elements(of: previous, count: mine.count))
        _ = try world.startAllreduce(OwnedBuffer(mine), .sum)
        try world.barrier()
      }
    }

    @Test func callsStartedTogetherFinishInAnyOrder() throws {
      try withWorld { world in
        let sums = try world.startAllreduce(OwnedBuffer(elements(of: world.rank, count: 10)), .sum)
        let root = try world.startBroadcast(OwnedBuffer(elements(of: world.rank, count: 10)), root: 0)
        let blocks = try world.startAlltoall(
          OwnedBuffer([Int32](repeating: Int32(world.rank), count: world.size)))
        let barrier = try world.startBarrier()
        try barrier.wait()
        let (found, copy, ranks) = (try blocks.wait().array, try root.wait().array, try sums.wait().array)
        #expect(found == (0..<world.size).map { Int32($0) })
        #expect(copy == elements(of: 0, count: 10))
        #expect(ranks == (0..<10).map { i in (0..<world.size).reduce(0) { $0 + element($1, i) } })
      }
    }

    @Test func anOwnedBufferIsAlignedAndKeepsItsElements() {
      var buffer = OwnedBuffer<Float>([1, 2, 3])
      let address = buffer.span.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
      #expect(address % 64 == 0)
      var span = buffer.mutableSpan
      span[1] = 5
      #expect(buffer.array == [1, 5, 3])
      #expect(OwnedBuffer<Float>([]).count == 0)
      #expect(OwnedBuffer<Bool>(repeating: true, count: 2).array == [true, true])
    }

    @Test func aCommunicatorWorksOnAThreadOfItsOwn() throws {
      try withWorld { world in
        let level = try MPI.threadLevel
        try #require(level == .multiple)
        let handoff = CommunicatorHandoff(try world.duplicate())
        let result = ThreadResult()
        let thread = Thread {
          let communicator = handoff.take()
          result.set((0..<200).map { (try? communicator.allreduce($0, .sum)) ?? -1 })
        }
        thread.start()
        for i in 0..<200 {
          let sum = try world.allreduce(i, .maximum)
          #expect(sum == i)
        }
        #expect(result.wait() == (0..<200).map { $0 * world.size })
      }
    }
  }
}

/// What a thread leaves for the one that waits for it. Sendable is safe: the semaphore orders the write
/// before the read.
private final class ThreadResult: @unchecked Sendable {
  private let done = DispatchSemaphore(value: 0)
  private var values: [Int] = []

  func set(_ values: [Int]) {
    self.values = values
    done.signal()
  }

  func wait() -> [Int] {
    done.wait()
    return values
  }
}
