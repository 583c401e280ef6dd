import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct AllreduceTests {
    @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 1_003])
    func everyRankGetsTheSum(count: Int) throws {
      try withWorld { world in
        let mine = (0..<count).map { Float($0 + world.rank) }
        var sums = [Float](repeating: -1, count: count)
        var span = sums.mutableSpan
        try world.allreduce(mine.span, into: &span, .sum)
        let ranks = world.size * (world.size - 1) / 2
        #expect(sums == (0..<count).map { Float(world.size * $0 + ranks) })
      }
    }
  }
}
