import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct ReduceScatterTests {
    @Test(arguments: Form.allCases, pieceLimits)
    func everyRankGetsItsPartOfTheSum(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for count in lengths(world.size) {
          // Rank 1 gets nothing; the others get different lengths.
          let counts = (0..<world.size).map { $0 == 1 ? 0 : count + $0 }
          let whole = counts.reduce(0, +)
          let mine = elements(of: world.rank, count: whole)
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: counts[world.rank], fill: untouched) {
                try world.reduceScatter($0, into: &$1, counts: counts, .sum)
              }
            case .blockingInPlace:
              try inPlace(mine) { try world.reduceScatter(&$0, counts: counts, .sum) }
            case .started:
              try outOfPlace(mine, count: counts[world.rank], fill: untouched) { source, destination in
                try world.startReduceScatter(source, into: &destination, counts: counts, .sum).wait()
              }
            case .startedInPlace:
              try inPlace(mine) { try world.startReduceScatter(&$0, counts: counts, .sum).wait() }
            case .owned:
              try world.startReduceScatter(OwnedBuffer(mine), counts: counts, .sum).wait().array
            }
          let first = counts[..<world.rank].reduce(0, +)
          let expected = Self.sums(first..<first + counts[world.rank], world.size)
          #expect(Array(found.prefix(expected.count)) == expected, "counts \(counts)")
        }
      }
    }

    @Test(arguments: Form.allCases, pieceLimits)
    func everyRankGetsAnEqualBlockOfTheSum(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for count in lengths(world.size) {
          let mine = elements(of: world.rank, count: count * world.size)
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: count, fill: untouched) {
                try world.reduceScatterBlock($0, into: &$1, .sum)
              }
            case .blockingInPlace:
              try inPlace(mine) { try world.reduceScatterBlock(&$0, .sum) }
            case .started:
              try outOfPlace(mine, count: count, fill: untouched) { source, destination in
                try world.startReduceScatterBlock(source, into: &destination, .sum).wait()
              }
            case .startedInPlace:
              try inPlace(mine) { try world.startReduceScatterBlock(&$0, .sum).wait() }
            case .owned:
              try world.startReduceScatterBlock(OwnedBuffer(mine), .sum).wait().array
            }
          let expected = Self.sums(world.rank * count..<(world.rank + 1) * count, world.size)
          #expect(Array(found.prefix(count)) == expected, "blocks of \(count)")
        }
      }
    }

    private static func sums(_ range: Range<Int>, _ size: Int) -> [Int32] {
      range.map { i in (0..<size).reduce(0) { $0 + element($1, i) } }
    }

    @Test func countsThatDoNotSumToTheSourceAreRefused() throws {
      try withWorld { world in
        let counts = [Int](repeating: 2, count: world.size)
        let error = mpiError {
          _ = try inPlace([Int32](repeating: 0, count: 2 * world.size + 1)) {
            try world.reduceScatter(&$0, counts: counts, .sum)
          }
        }
        #expect(error?.class == .count)
        #expect(
          error?.text == "expected \(2 * world.size) elements, found \(2 * world.size + 1)")
      }
    }

    /// Above the limit the parts are cut out of the buffer here, and not by MPI.
    @Test(arguments: pieceLimits) func aNegativeCountIsRefused(limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        guard world.size > 1 else { return }
        let counts = [-1, 9] + [Int](repeating: 0, count: world.size - 2)
        let error = mpiError {
          _ = try inPlace([Int32](repeating: 0, count: 8)) {
            try world.reduceScatter(&$0, counts: counts, .sum)
          }
        }
        #expect(error?.text == "count -1 of rank 0 is negative" && error?.isUsage == true)
      }
    }

    @Test func aBufferThatTheRanksCannotShareEquallyIsRefused() throws {
      try withWorld { world in
        guard world.size > 1 else { return }
        let error = mpiError {
          _ = try inPlace([Int32](repeating: 0, count: world.size + 1)) {
            try world.reduceScatterBlock(&$0, .sum)
          }
        }
        #expect(
          error?.text
            == "\(world.size + 1) elements cannot be cut into \(world.size) equal blocks, one per rank")
      }
    }
  }
}
