import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct ReduceTests {
    @Test(arguments: Form.allCases, pieceLimits)
    func theRootAloneGetsTheSum(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for root in Set([0, world.size - 1]).sorted() {
          for count in lengths(world.size) {
            let mine = elements(of: world.rank, count: count)
            let sums = (0..<count).map { i in (0..<world.size).reduce(0) { $0 + element($1, i) } }
            let found = try Self.reduce(mine, form, root, on: world)
            #expect(found == (world.rank == root ? sums : nil), "\(count) elements, root \(root)")
          }
        }
      }
    }

    /// The root's result; nil elsewhere, after a look at what must not have changed there.
    private static func reduce(
      _ mine: [Int32], _ form: Form, _ root: Int, on world: borrowing Communicator
    ) throws -> [Int32]? {
      let isRoot = world.rank == root
      let room = isRoot ? mine.count : 0
      let found =
        switch form {
        case .blocking:
          try outOfPlace(mine, count: room, fill: untouched) {
            try world.reduce($0, into: &$1, .sum, root: root)
          }
        case .blockingInPlace:
          try inPlace(mine) { try world.reduce(&$0, .sum, root: root) }
        case .started:
          try outOfPlace(mine, count: room, fill: untouched) { source, destination in
            try world.startReduce(source, into: &destination, .sum, root: root).wait()
          }
        case .startedInPlace:
          try inPlace(mine) { try world.startReduce(&$0, .sum, root: root).wait() }
        case .owned:
          try world.startReduce(OwnedBuffer(mine), .sum, root: root).wait().array
        }
      if isRoot { return found }
      #expect(found == mine || found.isEmpty)
      return nil
    }

    @Test func aValueIsReducedOnTheRoot() throws {
      try withWorld { world in
        let largest = try world.reduce(world.rank, .maximum, root: 0)
        #expect(largest == (world.rank == 0 ? world.size - 1 : nil))
      }
    }

    @Test(arguments: [-1, 99])
    func aRootOutsideTheCommunicatorIsRefused(root: Int) throws {
      try withWorld { world in
        let error = mpiError { _ = try world.reduce(1, .sum, root: root) }
        #expect(error?.class == .root)
        #expect(
          error?.description
            == "rank \(world.rank): reduce: root \(root) is outside 0..<\(world.size), "
            + "the ranks of this communicator")
      }
    }
  }
}
