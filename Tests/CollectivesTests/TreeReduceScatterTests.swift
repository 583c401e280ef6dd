import Collectives
import MPI
import MPITestSupport
import Testing

/// The tree order's reduce-scatter, and chunks of whole grains, proved without running them on data.
@Suite struct TreeReduceScatterTests {
  @Test(arguments: TreeAllreduceTests.leaves)
  func theOrderOfAdditionsIsTheTreesWhateverTheSize(leaves: Int) {
    for (grain, lanesInFlight) in [(nil, 1), (1, 2), (5, 3)] as [(Int?, Int)] {
      let tree = TreeReduceScatter(
        leaves: leaves, Direct(segmentLength: 2, lanesInFlight: lanesInFlight), grain: grain)
      for size in TreeAllreduceTests.sizes(leaves) {
        #expect(tree.contract(size: size, count: 1).result[0].order == ReductionTree(leaves: leaves).order)
        for count in size > 17 ? [size + 1] : [0, 1, size - 1, size, size + 1, 5 * size + 2] {
          let report = ScheduleVerifier.verify(tree, size: size, count: count)
          #expect(
            report.findings.isEmpty, "\(leaves) leaves, size \(size), count \(count), grain \(grain ?? 0)")
        }
      }
    }
  }

  @Test(arguments: provedSizes)
  func isProvedForAnySizeOver64Leaves(size: Int) {
    for grain in [1, 2] {
      let tree = TreeReduceScatter(leaves: 64, Direct(segmentLength: 3, lanesInFlight: 2), grain: grain)
      #expect(ScheduleVerifier.verify(tree, size: size, count: size + 3).findings.isEmpty, "grain \(grain)")
    }
  }

  @Test(arguments: 1...8)
  func isProvedAsItRunsByDefault(size: Int) {
    for leaves in [8, 12] {
      for count in [1_000, 1_000_003] {
        let tree = TreeReduceScatter(leaves: leaves, elementBytes: 4, grain: 16_384)
        let report = ScheduleVerifier.verify(tree, size: size, count: count)
        #expect(report.findings.isEmpty, "\(leaves) leaves, count \(count)")
      }
    }
  }

  @Test(arguments: provedSizes)
  func chunksOfWholeGrainsAreProved(size: Int) {
    for grain in [1, 7] {
      let collectives: [any ScheduledCollective] = [
        RingReduceScatter(Ring(segmentLength: 3, lanesInFlight: 2), grain: grain),
        RingAllgather(Ring(segmentLength: 3, lanesInFlight: 2), grain: grain),
        DirectReduceScatter(Direct(segmentLength: 3, lanesInFlight: 2), grain: grain),
        DirectAllgather(Direct(segmentLength: 3, lanesInFlight: 2), grain: grain),
      ]
      for collective in collectives {
        // No whole grain for some ranks, and a last one that is cut off.
        for count in size > 20 ? [3 * grain + 1] : [0, 1, grain, size * grain - 1, size * grain + 2, 100] {
          let report = ScheduleVerifier.verify(collective, size: size, count: count)
          #expect(report.findings.isEmpty, "\(collective.name), count \(count), grain \(grain)")
        }
      }
    }
  }

  @Test func chunksAreCutAtGrainsAndDifferByLessThanTwo() {
    for (count, size, grain) in [(0, 3, 5), (4, 3, 5), (100, 7, 9), (1_000_003, 4, 16_384)] {
      let chunks = Chunks(count: count, size: size, grain: grain)
      var next = 0
      for rank in 0..<size {
        #expect(chunks[rank].lowerBound == next && (next % grain == 0 || next == count))
        next = chunks[rank].upperBound
      }
      #expect(next == count)
      let lengths = (0..<size).map { chunks[$0].count }
      #expect((lengths.max() ?? 0) - (lengths.min() ?? 0) < 2 * grain)
    }
  }

  /// Of chunks of equal length; with the allgather it is what an allreduce has to send at least.
  @Test(arguments: [2, 4, 8])
  func powersOfTwoSendHalfOfWhatARingDoes(size: Int) {
    let (grain, count) = (64, 64 * 3 * size)
    let report = ScheduleVerifier.verify(
      TreeReduceScatter(leaves: 16, Direct(segmentLength: 100, lanesInFlight: 2), grain: grain), size: size,
      count: count)
    #expect(report.costs.count == size)
    for cost in report.costs {
      #expect(cost.sent == (size - 1) * count / size && cost.added == cost.sent && cost.rounds == 1)
    }
  }
}

extension RankTests {
  @Suite struct TreeReduceScatterRankTests {
    @Test(arguments: [8, 11], 1...5)
    func eachRankGetsItsChunkOfWhatOneRankWouldAdd(leaves: Int, size: Int) throws {
      try withRanks(size) { world in
        let seed = try sharedSeed(on: world)
        for grain in [1, 7, 1_000] {
          var executor = try TreeExecutor(leaves: leaves, grain: grain, on: world)
          for count in [0, 1, size, 100, 5_003] {
            let tree = executor.tree
            let expected = TreeExecutorTests.fold(tree, 0..<leaves, count: count, seed: seed)[0]
            let partials = TreeExecutorTests.fold(tree, executor.run, count: count, seed: seed)
              .map { partial in
                let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 3 + count)
                buffer.initialize(repeating: 0)
                _ = buffer[3...].update(fromContentsOf: partial)
                return buffer
              }
            defer { for buffer in partials { buffer.deallocate() } }
            try executor.reduceScatter(partials.compactMap(\.baseAddress), in: 3..<3 + count)
            let chunk = Chunks(count: count, size: size, grain: grain)[world.rank]
            let isSame = areSameBits(
              Array(partials[0][3...].dropFirst(chunk.lowerBound).prefix(chunk.count)), Array(expected[chunk])
            )
            #expect(isSame, "\(leaves) leaves, \(size) ranks, count \(count), grain \(grain), seed \(seed)")
          }
        }
      }
    }
  }
}
