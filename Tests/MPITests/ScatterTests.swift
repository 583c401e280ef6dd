import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct ScatterTests {
    @Test(arguments: Form.allCases, pieceLimits)
    func everyRankGetsItsBlockOfTheRoot(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        let (size, root) = (world.size, world.size - 1)
        let isRoot = world.rank == root
        for count in lengths(size) {
          let whole = isRoot ? elements(of: 0, count: count * size) : []
          let buffer = isRoot ? whole : [Int32](repeating: untouched, count: count)
          let found =
            switch form {
            case .blocking:
              try outOfPlace(whole, count: count, fill: untouched) {
                try world.scatter($0, into: &$1, root: root)
              }
            case .blockingInPlace: try inPlace(buffer) { try world.scatter(&$0, root: root) }
            case .started:
              try outOfPlace(whole, count: count, fill: untouched) { source, destination in
                try world.startScatter(source, into: &destination, root: root).wait()
              }
            case .startedInPlace: try inPlace(buffer) { try world.startScatter(&$0, root: root).wait() }
            case .owned: try world.startScatter(OwnedBuffer(buffer), root: root).wait().array
            }
          let first = world.rank * count
          let mine = (first..<first + count).map { element(0, $0) }
          // In place the root keeps everything.
          #expect(found == mine || (isRoot && found == whole), "blocks of \(count)")
        }
      }
    }

    @Test(arguments: Form.allCases)
    func everyRankGetsItsBlockOfItsLength(form: Form) throws {
      try withWorld { world in
        let root = 0
        let isRoot = world.rank == root
        for count in lengths(world.size) {
          let blocks = VaryingBlocks(size: world.size, count: count)
          let mine = blocks.block(of: world.rank)
          let (c, d) = isRoot ? (blocks.counts, blocks.displacements) : ([], nil)
          let whole = isRoot ? blocks.buffer { _ in true } : []
          let buffer = isRoot ? whole : [Int32](repeating: untouched, count: mine.count)
          let found =
            switch form {
            case .blocking:
              try outOfPlace(whole, count: mine.count, fill: untouched) {
                try world.scatter($0, into: &$1, counts: c, displacements: d, root: root)
              }
            case .blockingInPlace:
              try inPlace(buffer) { try world.scatter(&$0, counts: c, displacements: d, root: root) }
            case .started:
              try outOfPlace(whole, count: mine.count, fill: untouched) { source, destination in
                try world.startScatter(source, into: &destination, counts: c, displacements: d, root: root)
                  .wait()
              }
            case .startedInPlace:
              try inPlace(buffer) {
                try world.startScatter(&$0, counts: c, displacements: d, root: root).wait()
              }
            case .owned:
              try world.startScatter(OwnedBuffer(buffer), counts: c, displacements: d, root: root).wait()
                .array
            }
          #expect(found == mine || (isRoot && found == whole), "counts \(c)")
        }
      }
    }
  }
}
