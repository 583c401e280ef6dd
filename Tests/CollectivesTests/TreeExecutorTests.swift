import Collectives
import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct TreeExecutorTests {
    /// What leaf `leaf` contributes: the same on every rank that asks.
    static func leaf(_ leaf: Int, count: Int, seed: UInt64) -> [Float] {
      contribution(of: Float.self, count: count, rank: leaf, seed: seed)
    }

    static func add(_ left: [Float], _ right: [Float]) -> [Float] {
      var sum = left
      sum.withUnsafeMutableBufferPointer { sum in
        right.withUnsafeBufferPointer { right in
          if let sum = sum.baseAddress, let addend = right.baseAddress {
            Float.add(addend, into: sum, count: right.count)
          }
        }
      }
      return sum
    }

    /// The sums that are left of a run of leaves: a binary counter, as a trainer adds up its microbatches.
    static func fold(_ tree: ReductionTree, _ run: Range<Int>, count: Int, seed: UInt64) -> [[Float]] {
      var partials: [[Float]] = []
      for leaf in run {
        partials.append(Self.leaf(leaf, count: count, seed: seed))
        for _ in 0..<tree.sums(after: leaf, in: run) {
          let right = partials.removeLast()
          partials[partials.count - 1] = add(partials[partials.count - 1], right)
        }
      }
      return partials
    }

    /// Expects the executor's bits to be those of one rank that adds all leaves.
    static func expectTree(
      count: Int, seed: UInt64, by executor: inout TreeExecutor, on world: borrowing Communicator
    ) throws {
      let tree = executor.tree
      let expected = fold(tree, 0..<tree.leaves, count: count, seed: seed)[0]
      let mine = fold(tree, executor.run, count: count, seed: seed)
      #expect(mine.count == executor.partials.count)

      // In one piece, and in buffers that lie apart.
      var elements = mine.flatMap { $0 }
      var span = elements.mutableSpan
      try executor.allreduce(&span)
      let isSame = areSameBits(Array(elements.prefix(count)), expected)
      #expect(isSame, "\(tree.leaves) leaves, \(world.size) ranks, count \(count), seed \(seed)")

      let buffers = mine.reversed().map { partial in
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 3 + count)
        buffer.initialize(repeating: 0)
        _ = buffer[3...].update(fromContentsOf: partial)
        return buffer
      }
      defer { for buffer in buffers { buffer.deallocate() } }
      try executor.allreduce(buffers.reversed().compactMap(\.baseAddress), in: 3..<3 + count)
      let isSameApart = areSameBits(Array(buffers[buffers.count - 1].dropFirst(3)), expected)
      #expect(isSameApart, "\(tree.leaves) leaves, \(world.size) ranks, count \(count), seed \(seed)")
    }

    @Test(arguments: [8, 9, 12, 16, 23], 1...8)
    func theBitsAreThoseOfOneRankThatAddsAllLeaves(leaves: Int, size: Int) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        var executor = try TreeExecutor(leaves: leaves, on: world)
        for count in [0, 1, size - 1, size, size + 1, 100, 5_003, 300_007] where leaves == 8 || count < 6_000
        {
          try Self.expectTree(count: count, seed: seed, by: &executor, on: world)
        }
      }
    }

    @Test(arguments: 1...8)
    func theBitsAreTheSameWithManySegments(size: Int) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        for shortLength in [0, 400] {
          var executor = try TreeExecutor(
            TreeAllreduce(
              leaves: 8, shortLength: shortLength, segmentLength: 7, laneLength: 30, lanesInFlight: 2),
            on: world)
          for count in [1, 50, 99, 1_003] {
            try Self.expectTree(count: count, seed: seed, by: &executor, on: world)
          }
        }
      }
    }

    @Test func buffersLongerThanOneScheduleTakeSeveral() throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var executor = try TreeExecutor(leaves: 11, on: world)
        executor.pieceLimit = 10
        for count in [9, 10, 11, 30, 31] {
          try Self.expectTree(count: count, seed: seed, by: &executor, on: world)
        }
      }
    }

    @Test func minimaAreThoseOfAllLeaves() throws {
      try withWorld { world in
        var executor = try TreeExecutor(leaves: 13, on: world)
        var elements: [Int32] = executor.partials.flatMap { partial in
          (0..<5 as Range<Int32>).map { $0 + Int32(partial.lowerBound) }
        }
        var span = elements.mutableSpan
        try executor.allreduce(&span, .minimum)
        #expect(elements.prefix(5) == [0, 1, 2, 3, 4])
      }
    }
  }
}
