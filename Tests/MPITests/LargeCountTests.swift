import Foundation
import MPI
import MPITestSupport
import Testing

@Suite struct LargeCountTests {
  @Test(arguments: [0, 1, 2, 3, 6, 7, 1_000], [1, 2, 3, 7, 5_000])
  func piecesCoverEveryElementOnceInOrder(count: Int, limit: Int) {
    var next = 0
    var pieces = 0
    count.forEachPiece(limit: limit) { piece in
      #expect(piece.lowerBound == next)
      #expect(piece.count <= limit)
      next = piece.upperBound
      pieces += 1
    }
    #expect(next == count)
    #expect(pieces == max(1, (count + limit - 1) / limit))
  }

  /// The real limit needs memory: 2 GiB to send and as much to receive, on each rank.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["RONDO_TEST_LARGE"] != nil))
  func messagesAndSumsAboveTwoToThe31Arrive() throws {
    try withWorld(seconds: 300) { world in
      let count = (1 << 31) + 5
      let outbox = OwnedBuffer<UInt8>(repeating: UInt8(world.rank + 1), count: count)
      let previous = (world.rank + world.size - 1) % world.size
      let receive = try world.startReceive(
        into: OwnedBuffer<UInt8>(repeating: 0, count: count), from: previous)
      let send = try world.startSend(outbox, to: (world.rank + 1) % world.size)
      var inbox = try receive.wait()
      _ = try send.wait()
      #expect(inbox.span[0] == UInt8(previous + 1) && inbox.span[count - 1] == UInt8(previous + 1))
      var span = inbox.mutableSpan
      try world.allreduce(&span, .sum)
      let sum = UInt8((1...world.size).reduce(0, +))
      #expect(inbox.span[0] == sum && inbox.span[count - 1] == sum && inbox.span[count / 2] == sum)
    }
  }
}
