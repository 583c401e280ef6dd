import MPITestSupport
import Testing

@testable import Training

/// Ranks that see signals in steps of their own, and agree by verdicts.
@Suite struct SaveRequestsTests {
  /// Runs steps of so many seconds; `signals` are times at which ranks get one. Returns the steps after which checkpoints are written.
  private static func saves(
    ranks: Int, stepSeconds: Double, steps: Int, _ signals: [(rank: Int, time: Double)]
  ) -> [Int] {
    let all = (0..<ranks).map { _ in SaveRequests() }
    var saves: [Int] = []
    for step in 0..<steps {
      let (begin, end) = (Double(step) * stepSeconds, Double(step + 1) * stepSeconds)
      var isAsked = false
      for (rank, requests) in all.enumerated() {
        let hasSignal = signals.contains { $0.rank == rank && $0.time >= begin && $0.time < end }
        if requests.asks(hasSignal: hasSignal, step: step, time: end) { isAsked = true }
      }
      for requests in all { requests.take(isAsked: isAsked, step: step + 1, time: end) }
      if isAsked { saves.append(step + 1) }
    }
    return saves
  }

  /// What mpirun hands on is one request, however far apart its ranks are; the next one is another.
  @Test(arguments: [0.02, 0.3, 10]) func aSignalToAllRanksIsOneRequest(stepSeconds: Double) {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let ranks = Int.random(in: 1...4, using: &random)
      // Far enough from one another that a step lies between.
      let times = (1...3).map { Double($0) * (3 + 3 * stepSeconds) }
      let signals = times.flatMap { time in
        (0..<ranks).map { ($0, time + .random(in: 0..<0.5, using: &random)) }
      }
      let steps = Int(4 * (3 + 3 * stepSeconds) / stepSeconds)
      let saves = Self.saves(ranks: ranks, stepSeconds: stepSeconds, steps: steps, signals)
      #expect(saves.count == 3, "\(ranks) ranks, \(signals)")
    }
  }

  @Test func aSignalToOneRankIsNotLost() {
    // Those of two ranks within a second are one request; those of one rank are as many as there are.
    #expect(
      Self.saves(ranks: 2, stepSeconds: 0.1, steps: 60, [(0, 1.05), (1, 3.05), (0, 5.05)]) == [11, 31, 51])
    #expect(Self.saves(ranks: 2, stepSeconds: 0.1, steps: 60, [(0, 1.05), (1, 1.55)]) == [11])
    #expect(
      Self.saves(ranks: 2, stepSeconds: 0.1, steps: 60, [(0, 1.05), (0, 1.25), (1, 1.28), (1, 1.45)]) == [
        11, 13,
      ])
  }
}
