import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct AlltoallTests {
    @Test(arguments: Form.allCases, pieceLimits)
    func blocksAreTransposed(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for count in lengths(world.size) {
          let mine = elements(of: world.rank, count: count * world.size)
          let first = world.rank * count
          let expected = (0..<world.size).flatMap { from in
            (first..<first + count).map { element(from, $0) }
          }
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: mine.count, fill: untouched) { try world.alltoall($0, into: &$1) }
            case .blockingInPlace: try inPlace(mine) { try world.alltoall(&$0) }
            case .started:
              try outOfPlace(mine, count: mine.count, fill: untouched) { source, destination in
                try world.startAlltoall(source, into: &destination).wait()
              }
            case .startedInPlace: try inPlace(mine) { try world.startAlltoall(&$0).wait() }
            case .owned: try world.startAlltoall(OwnedBuffer(mine)).wait().array
            }
          #expect(found == expected, "blocks of \(count)")
        }
      }
    }

    /// The length of what rank `from` sends to rank `to`: different for all pairs, the same both ways, 0 for
    /// some.
    private static func length(_ from: Int, _ to: Int, _ count: Int) -> Int {
      (from + to) % 3 == 1 ? 0 : count + from * to
    }

    @Test(arguments: Form.allCases)
    func blocksOfDifferentLengthsAreTransposed(form: Form) throws {
      try withWorld { world in
        let (rank, size) = (world.rank, world.size)
        for count in lengths(size) {
          // Sent and received in reverse order of the ranks.
          let counts = (0..<size).map { Self.length(rank, $0, count) }
          let displacements = (0..<size).map { to in counts[(to + 1)...].reduce(0, +) }
          let extent = counts.reduce(0, +)
          var mine = [Int32](repeating: 0, count: extent)
          var expected = mine
          for peer in 0..<size {
            for i in 0..<counts[peer] {
              mine[displacements[peer] + i] = element(rank, 100 * peer + i)
              expected[displacements[peer] + i] = element(peer, 100 * rank + i)
            }
          }
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: extent, fill: untouched) {
                try world.alltoall(
                  $0, sourceCounts: counts, sourceDisplacements: displacements, into: &$1,
                  destinationCounts: counts, destinationDisplacements: displacements)
              }
            case .blockingInPlace:
              try inPlace(mine) { try world.alltoall(&$0, counts: counts, displacements: displacements) }
            case .started:
              try outOfPlace(mine, count: extent, fill: untouched) { source, destination in
                try world.startAlltoall(
                  source, sourceCounts: counts, sourceDisplacements: displacements, into: &destination,
                  destinationCounts: counts, destinationDisplacements: displacements
                ).wait()
              }
            case .startedInPlace:
              try inPlace(mine) {
                try world.startAlltoall(&$0, counts: counts, displacements: displacements).wait()
              }
            case .owned:
              try world.startAlltoall(
                BufferPair(
                  source: OwnedBuffer(mine), destination: OwnedBuffer(repeating: untouched, count: extent)),
                sourceCounts: counts, sourceDisplacements: displacements, destinationCounts: counts,
                destinationDisplacements: displacements
              ).wait().destination.array
            }
          #expect(found == expected, "counts \(counts)")
        }
      }
    }
  }
}
