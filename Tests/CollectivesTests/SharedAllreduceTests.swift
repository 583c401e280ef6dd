import MPI
import MPITestSupport
import Testing

@testable import Collectives

extension RankTests {
  @Suite struct SharedAllreduceTests {
    /// Element `i` of `rank` in call `call`: a whole number, so that sums are exact.
    private static func value(_ rank: Int, _ i: Int, _ call: Int) -> Float {
      Float((i * 7 + rank * 13 + call * 5) % 101 - 50)
    }

    @Test func everyRankGetsTheSumOfEveryRangeAndOfNothingElse() throws {
      try withWorld { world in
        let host = try world.splitByHost()
        let count = 100_019
        let shared = try SharedAllreduce(count: count, on: host)
        defer { shared.free() }
        #expect(Int(bitPattern: shared.arena.baseAddress) % 64 == 0)
        #expect(shared.arena.allSatisfy { $0 == 0 })
        var ranges = (0...70).map { 16 * $0..<16 * $0 + $0 }
        ranges += [0..<count, 5..<count - 3, 1_000..<1_000, 17..<18, 0..<16_384]
        for (call, range) in ranges.enumerated() {
          for i in 0..<count { shared.arena[i] = Self.value(host.rank, i, call) }
          shared.allreduce(range)
          var wrong = 0
          for i in 0..<count {
            let expected =
              range.contains(i)
              ? (0..<host.size).reduce(0) { $0 + Self.value($1, i, call) } : Self.value(host.rank, i, call)
            if shared.arena[i] != expected { wrong += 1 }
          }
          #expect(wrong == 0, "range \(range)")
          // The others may still look at this rank's part of the range.
          try host.barrier()
        }
      }
    }

    @Test func allRanksHoldTheSameBits() throws {
      try withWorld { world in
        let host = try world.splitByHost()
        let shared = try SharedAllreduce(count: 4_099, on: host)
        defer { shared.free() }
        for i in shared.arena.indices { shared.arena[i] = 1 / Float(3 + i * (host.rank + 1)) }
        shared.allreduce(0..<4_099)
        var hash: UInt64 = 17
        for x in shared.arena { hash = hash &* 31 &+ UInt64(x.bitPattern) }
        #expect(Set(try host.allgather(hash)).count == 1)
      }
    }
  }
}
