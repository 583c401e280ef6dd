import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct ScanTests {
    @Test(arguments: Form.allCases, pieceLimits)
    func everyRankGetsTheSumUpToItself(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for count in lengths(world.size) {
          let mine = elements(of: world.rank, count: count)
          let expected = (0..<count).map { i in (0...world.rank).reduce(0) { $0 + element($1, i) } }
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: count, fill: untouched) { try world.scan($0, into: &$1, .sum) }
            case .blockingInPlace: try inPlace(mine) { try world.scan(&$0, .sum) }
            case .started:
              try outOfPlace(mine, count: count, fill: untouched) { source, destination in
                try world.startScan(source, into: &destination, .sum).wait()
              }
            case .startedInPlace: try inPlace(mine) { try world.startScan(&$0, .sum).wait() }
            case .owned: try world.startScan(OwnedBuffer(mine), .sum).wait().array
            }
          #expect(found == expected, "\(count) elements")
        }
      }
    }

    @Test(arguments: Form.allCases, pieceLimits)
    func everyRankGetsTheSumOfThoseBeforeIt(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for count in lengths(world.size) {
          let mine = elements(of: world.rank, count: count)
          let expected = (0..<count).map { i in (0..<world.rank).reduce(0) { $0 + element($1, i) } }
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: count, fill: untouched) {
                try world.exclusiveScan($0, into: &$1, .sum)
              }
            case .blockingInPlace: try inPlace(mine) { try world.exclusiveScan(&$0, .sum) }
            case .started:
              try outOfPlace(mine, count: count, fill: untouched) { source, destination in
                try world.startExclusiveScan(source, into: &destination, .sum).wait()
              }
            case .startedInPlace: try inPlace(mine) { try world.startExclusiveScan(&$0, .sum).wait() }
            case .owned: try world.startExclusiveScan(OwnedBuffer(mine), .sum).wait().array
            }
          if world.rank > 0 { #expect(found == expected, "\(count) elements") }
        }
      }
    }

    @Test func valuesAreScanned() throws {
      try withWorld { world in
        let including = try world.scan(world.rank + 1, .product)
        let before = try world.exclusiveScan(world.rank + 1, .maximum)
        #expect(including == (1...world.rank + 1).reduce(1, *))
        #expect(before == (world.rank == 0 ? nil : world.rank))
      }
    }
  }
}
