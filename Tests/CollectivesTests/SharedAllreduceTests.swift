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
        let arenas = try SharedArenas(count: count, on: host)
        let shared = SharedAllreduce(arenas)
        defer { arenas.free() }
        #expect(Int(bitPattern: arenas.mine.baseAddress) % 64 == 0)
        #expect(arenas.mine.allSatisfy { $0 == 0 })
        var ranges = (0...70).map { 16 * $0..<16 * $0 + $0 }
        ranges += [0..<count, 5..<count - 3, 1_000..<1_000, 17..<18, 0..<16_384]
        for (call, range) in ranges.enumerated() {
          for i in 0..<count { arenas.mine[i] = Self.value(host.rank, i, call) }
          shared.allreduce(range)
          var wrong = 0
          for i in 0..<count {
            let expected =
              range.contains(i)
              ? (0..<host.size).reduce(0) { $0 + Self.value($1, i, call) } : Self.value(host.rank, i, call)
            if arenas.mine[i] != expected { wrong += 1 }
          }
          #expect(wrong == 0, "range \(range)")
          // The others may still look at this rank's part of the range.
          try host.barrier()
        }
      }
    }

    @Test func addsInTheOrderOfTheBalancedTree() throws {
      try withWorld { world in
        let host = try world.splitByHost()
        let arenas = try SharedArenas(count: 1_000, on: host)
        defer { arenas.free() }
        func value(_ rank: Int, _ i: Int) -> Float { 1 / Float(3 + i * (rank + 1)) }
        func tree(_ first: Int, _ ranks: Int, _ i: Int) -> Float {
          if ranks == 1 { return value(first, i) }
          var half = 1
          while half * 2 < ranks { half *= 2 }
          return tree(first, half, i) + tree(first + half, ranks - half, i)
        }
        for i in 0..<1_000 { arenas.mine[i] = value(host.rank, i) }
        SharedAllreduce(arenas).allreduce(0..<1_000)
        var wrong = 0
        for i in 0..<1_000 where arenas.mine[i] != tree(0, host.size, i) { wrong += 1 }
        #expect(wrong == 0)
      }
    }

    /// The sum over a subtree, in the tree's order.
    private static func fold(_ tree: ReductionTree, _ leaves: Range<Int>, _ i: Int) -> Float {
      if leaves.count == 1 { return 1 / Float(3 + i * (leaves.lowerBound + 1)) }
      let (left, right) = tree.children(of: leaves)
      return fold(tree, left, i) + fold(tree, right, i)
    }

    @Test(arguments: [5, 6, 7, 8, 11, 16])
    func partialSumsOfATreeGiveTheBitsThatOneRankWouldGet(leaves: Int) throws {
      try withWorld { world in
        let host = try world.splitByHost()
        let (count, tree) = (1_021, ReductionTree(leaves: leaves))
        let partials = tree.partials(of: tree.run(ofRank: host.rank, size: host.size))
        let most = try host.allreduce(partials.count, .maximum)
        let arenas = try SharedArenas(count: most * count, on: host)
        defer { arenas.free() }
        for (place, partial) in partials.enumerated() {
          for i in 0..<count { arenas.mine[place * count + i] = Self.fold(tree, partial, i) }
        }
        SharedAllreduce(arenas, tree: tree, count: count).allreduce(0..<count)
        var wrong = 0
        for i in 0..<count where arenas.mine[i] != Self.fold(tree, 0..<leaves, i) { wrong += 1 }
        #expect(wrong == 0)
      }
    }

    @Test func allRanksHoldTheSameBits() throws {
      try withWorld { world in
        let host = try world.splitByHost()
        let arenas = try SharedArenas(count: 4_099, on: host)
        let shared = SharedAllreduce(arenas)
        defer { arenas.free() }
        for i in arenas.mine.indices { arenas.mine[i] = 1 / Float(3 + i * (host.rank + 1)) }
        shared.allreduce(0..<4_099)
        var hash: UInt64 = 17
        for x in arenas.mine { hash = hash &* 31 &+ UInt64(x.bitPattern) }
        #expect(Set(try host.allgather(hash)).count == 1)
      }
    }
  }
}
