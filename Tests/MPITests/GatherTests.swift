import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct GatherTests {
    @Test(arguments: Form.allCases, pieceLimits)
    func everyRankGetsAllBlocks(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        let size = world.size
        for count in lengths(size) {
          let mine = elements(of: world.rank, count: count)
          let expected = (0..<size).flatMap { elements(of: $0, count: count) }
          // In place: this rank's block, the rest untouched.
          let placed = (0..<size).flatMap {
            $0 == world.rank ? mine : [Int32](repeating: untouched, count: count)
          }
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: count * size, fill: untouched) {
                try world.allgather($0, into: &$1)
              }
            case .blockingInPlace: try inPlace(placed) { try world.allgather(&$0) }
            case .started:
              try outOfPlace(mine, count: count * size, fill: untouched) { source, destination in
                try world.startAllgather(source, into: &destination).wait()
              }
            case .startedInPlace: try inPlace(placed) { try world.startAllgather(&$0).wait() }
            case .owned: try world.startAllgather(OwnedBuffer(placed)).wait().array
            }
          #expect(found == expected, "blocks of \(count)")
        }
      }
    }

    @Test(arguments: Form.allCases)
    func blocksOfDifferentLengthsKeepTheirPlacesAndGaps(form: Form) throws {
      try withWorld { world in
        for count in lengths(world.size) {
          let blocks = VaryingBlocks(size: world.size, count: count)
          let mine = blocks.block(of: world.rank)
          let (c, d) = (blocks.counts, blocks.displacements)
          let placed = blocks.buffer { $0 == world.rank }
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: blocks.extent, fill: untouched) {
                try world.allgather($0, into: &$1, counts: c, displacements: d)
              }
            case .blockingInPlace:
              try inPlace(placed) { try world.allgather(&$0, counts: c, displacements: d) }
            case .started:
              try outOfPlace(mine, count: blocks.extent, fill: untouched) { source, destination in
                try world.startAllgather(source, into: &destination, counts: c, displacements: d).wait()
              }
            case .startedInPlace:
              try inPlace(placed) { try world.startAllgather(&$0, counts: c, displacements: d).wait() }
            case .owned:
              try world.startAllgather(OwnedBuffer(placed), counts: c, displacements: d).wait().array
            }
          #expect(found == blocks.buffer { _ in true }, "counts \(c)")
        }
      }
    }

    @Test(arguments: Form.allCases, pieceLimits)
    func theRootGetsAllBlocks(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        let (size, root) = (world.size, world.size - 1)
        let isRoot = world.rank == root
        for count in lengths(size) {
          let mine = elements(of: world.rank, count: count)
          let room = isRoot ? count * size : 0
          let placed =
            isRoot ? [Int32](repeating: untouched, count: count * (size - 1)) + mine : mine
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: room, fill: untouched) {
                try world.gather($0, into: &$1, root: root)
              }
            case .blockingInPlace: try inPlace(placed) { try world.gather(&$0, root: root) }
            case .started:
              try outOfPlace(mine, count: room, fill: untouched) { source, destination in
                try world.startGather(source, into: &destination, root: root).wait()
              }
            case .startedInPlace: try inPlace(placed) { try world.startGather(&$0, root: root).wait() }
            case .owned: try world.startGather(OwnedBuffer(placed), root: root).wait().array
            }
          let expected = (0..<size).flatMap { elements(of: $0, count: count) }
          #expect(isRoot ? found == expected : found == mine || found.isEmpty, "blocks of \(count)")
        }
      }
    }

    @Test(arguments: Form.allCases)
    func theRootGetsBlocksOfDifferentLengths(form: Form) throws {
      try withWorld { world in
        let root = 0
        let isRoot = world.rank == root
        for count in lengths(world.size) {
          let blocks = VaryingBlocks(size: world.size, count: count)
          let mine = blocks.block(of: world.rank)
          let (c, d) = isRoot ? (blocks.counts, blocks.displacements) : ([], nil)
          let placed = isRoot ? blocks.buffer { $0 == root } : mine
          let room = isRoot ? blocks.extent : 0
          let found =
            switch form {
            case .blocking:
              try outOfPlace(mine, count: room, fill: untouched) {
                try world.gather($0, into: &$1, counts: c, displacements: d, root: root)
              }
            case .blockingInPlace:
              try inPlace(placed) { try world.gather(&$0, counts: c, displacements: d, root: root) }
            case .started:
              try outOfPlace(mine, count: room, fill: untouched) { source, destination in
                try world.startGather(source, into: &destination, counts: c, displacements: d, root: root)
                  .wait()
              }
            case .startedInPlace:
              try inPlace(placed) {
                try world.startGather(&$0, counts: c, displacements: d, root: root).wait()
              }
            case .owned:
              try world.startGather(OwnedBuffer(placed), counts: c, displacements: d, root: root).wait().array
            }
          if isRoot { #expect(found == blocks.buffer { _ in true }, "counts \(c)") }
        }
      }
    }

    @Test func valuesAndTextsOfAllRanksComeInTheirOrder() throws {
      try withWorld { world in
        let ranks = Array(0..<world.size)
        let everywhere = try world.allgather(world.rank)
        let onRoot = try world.gather(world.rank, root: 0)
        let texts = try world.allgather(String(repeating: "é", count: world.rank))
        #expect(everywhere == ranks)
        #expect(onRoot == (world.rank == 0 ? ranks : nil))
        let textsOnRoot = try world.gather(String(repeating: "é", count: world.rank), root: 0)
        #expect(texts == ranks.map { String(repeating: "é", count: $0) })
        #expect(textsOnRoot == (world.rank == 0 ? texts : nil))
      }
    }

    private static func refused(
      on world: borrowing Communicator, counts: [Int], displacements: [Int]? = nil
    ) -> MPIError? {
      mpiError {
        _ = try inPlace([Int32](repeating: 0, count: 10)) {
          try world.allgather(&$0, counts: counts, displacements: displacements)
        }
      }
    }

    @Test func tablesThatDoNotFitAreRefusedWithTheRank() throws {
      try withWorld { world in
        let none = [Int](repeating: 0, count: world.size)
        var long = none
        long[world.size - 1] = 11
        #expect(
          Self.refused(on: world, counts: long)?.text
            == "the block of rank \(world.size - 1) is 0..<11, the buffer has 10 elements")
        #expect(
          Self.refused(on: world, counts: none + [0])?.text
            == "expected \(world.size) counts, one per rank, found \(world.size + 1)")
        var far = none
        far[0] = 3_000_000_000
        #expect(
          Self.refused(on: world, counts: none, displacements: far)?.text.hasPrefix(
            "displacement 3000000000 of rank 0 is outside 0...2147483647") == true)
        far[0] = -1
        #expect(Self.refused(on: world, counts: far)?.text.hasPrefix("count -1 of rank 0 is outside") == true)
      }
    }
  }
}

/// Blocks of different lengths, in reverse order with a gap after each; rank 1's is empty.
struct VaryingBlocks {
  let counts: [Int]
  let displacements: [Int]
  let extent: Int

  init(size: Int, count: Int) {
    counts = (0..<size).map { $0 == 1 ? 0 : count + $0 }
    var next = 0
    var displacements = [Int](repeating: 0, count: size)
    for rank in (0..<size).reversed() {
      displacements[rank] = next
      next += counts[rank] + 2
    }
    self.displacements = displacements
    extent = next
  }

  func block(of rank: Int) -> [Int32] { elements(of: rank, count: counts[rank]) }

  /// The whole buffer with the blocks of some ranks in it.
  func buffer(_ isPresent: (Int) -> Bool) -> [Int32] {
    var buffer = [Int32](repeating: untouched, count: extent)
    for rank in counts.indices where isPresent(rank) {
      buffer.replaceSubrange(displacements[rank]..<displacements[rank] + counts[rank], with: block(of: rank))
    }
    return buffer
  }
}
