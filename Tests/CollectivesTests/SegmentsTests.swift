import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Collectives

/// How long messages are.
@Suite struct SegmentsTests {
  static let scheduled = Algorithm.allCases.filter { $0.scheduled(elementBytes: 4) != nil }

  @Test(arguments: scheduled, [2, 3, 4, 5, 8, 13])
  func eagerMessagesStayBelowTheLimitAndAreProved(algorithm: Algorithm, size: Int) throws {
    for (wire, elementBytes) in [(WireFormat.float32, 4), (.float32, 8), (.bfloat16, 4)] {
      let wireBytes = wire.bytes(ofElement: elementBytes)
      let schedules = try #require(
        algorithm.scheduled(elementBytes: elementBytes, segments: .eager, wireBytes: wireBytes))
      let count = 1_000_003
      for rank in 0..<size {
        let actions = schedules.schedule(size: size, rank: rank, count: count).actions
        let longest = actions.map { if case .send(let block, _) = $0 { block.count } else { 0 } }.max() ?? 0
        // Open MPI's limit over TCP, less what its headers may take.
        #expect(longest * wireBytes <= 65_536 - 128)
        #expect(longest * wireBytes > 16_384)
      }
      #expect(ScheduleVerifier.verify(schedules, size: size, count: count, wire: wire).findings.isEmpty)
    }
  }

  @Test func longMessagesAreACandidateOfTheirOwnWhereTheyDiffer() {
    let candidates = AllreduceCandidate.all(isOneHost: false)
    #expect(candidates.count == 2 * Self.scheduled.count + 1)
    #expect(AllreduceCandidate.all(isOneHost: true).map(\.algorithm) == Algorithm.allCases)
    let long = AllreduceCandidate(.ring, segments: .long)
    // Four chunks of 16 KiB, and of 256 KiB.
    #expect(!long.isDistinct(size: 4, count: 16_384))
    #expect(long.isDistinct(size: 4, count: 262_144))
    #expect(AllreduceCandidate(.ring).isDistinct(size: 4, count: 16_384))
    #expect("\(long)" == "ring (long)")
  }

  @Test func aSelectionRemembersThem() throws {
    let selection = AllreduceSelection([
      .init(bytes: 8, algorithm: .direct), .init(bytes: 1 << 20, algorithm: .ring, segments: .long),
    ])
    let data = try JSONEncoder().encode(selection)
    #expect(try JSONDecoder().decode(AllreduceSelection.self, from: data) == selection)
    #expect(selection.entry(bytes: 1 << 22).segments == .long)
    #expect(selection.entry(bytes: 8).segments == nil)
    // As profiles were written before there was a choice.
    let old = Data(#"[{"algorithm":"ring","bytes":4096}]"#.utf8)
    #expect(
      try JSONDecoder().decode(AllreduceSelection.self, from: old)
        == .init([.init(bytes: 4_096, algorithm: .ring)]))
  }
}

extension RankTests {
  @Suite struct SegmentsRankTests {
    @Test(arguments: SegmentsTests.scheduled, Segments.allCases)
    func everyAlgorithmEqualsMPIWithEither(algorithm: Algorithm, segments: Segments) throws {
      try withWorld { world in
        let seed = try sharedSeed(on: world)
        var executor = try AllreduceExecutor(AllreduceSelection(algorithm, segments: segments), on: world)
        for count in [1, 1_000, 300_007] {
          try expectSum(of: Float.self, count: count, seed: seed, by: &executor, on: world)
          try expectSum(of: Int64.self, count: count, seed: seed, by: &executor, on: world)
        }
      }
    }
  }
}
