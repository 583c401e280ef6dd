import MPITestSupport
import Testing

@testable import Training

@Suite struct RankingAreasTests {
  /// By their definitions, over all pairs and over all thresholds.
  private func oracle(_ scores: [Double], _ isPositive: [Bool]) -> RankingAreas? {
    let positives = scores.indices.filter { isPositive[$0] }
    let negatives = scores.indices.filter { !isPositive[$0] }
    guard !positives.isEmpty, !negatives.isEmpty else { return nil }
    var roc = 0.0
    for p in positives {
      for n in negatives { roc += scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0 }
    }
    var (area, recall) = (0.0, 0.0)
    for threshold in Set(scores).sorted(by: >) {
      let taken = scores.indices.filter { scores[$0] >= threshold }
      let found = Double(taken.count { isPositive[$0] })
      let next = found / Double(positives.count)
      area += (next - recall) * found / Double(taken.count)
      recall = next
    }
    return RankingAreas(roc: roc / Double(positives.count * negatives.count), precisionRecall: area)
  }

  @Test func theyAreWhatTheDefinitionsSay() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let count = Int.random(in: 0...30, using: &random)
      // Few different scores, so that many are equal.
      let scores = (0..<count).map { _ in Double(Int.random(in: 0...9, using: &random)) / 4 }
      let isPositive = (0..<count).map { _ in Bool.random(using: &random) }
      let found = RankingAreas(scores: scores) { isPositive[$0] }
      let expected = oracle(scores, isPositive)
      #expect((found == nil) == (expected == nil), "seed \(seed)")
      guard let found, let expected else { continue }
      #expect(abs(found.roc - expected.roc) < 1e-12, "seed \(seed)")
      #expect(abs(found.precisionRecall - expected.precisionRecall) < 1e-12, "seed \(seed)")
      let order = scores.indices.shuffled(using: &random)
      let shuffled = RankingAreas(scores: order.map { scores[$0] }) { isPositive[order[$0]] }
      #expect(shuffled == found, "not one bit depends on the order; seed \(seed)")
    }
  }

  @Test func aScoreThatIsNoNumberHasNoRank() {
    let areas = RankingAreas(scores: [1, .nan, 2]) { $0 == 0 }
    #expect(areas?.roc.isNaN == true && areas?.precisionRecall.isNaN == true)
  }
}
