import MPITestSupport
import Testing

@testable import Training

@Suite struct RecoveryPlanTests {
  /// A shard of an arena of 120 elements.
  private func shard(
    _ range: Range<Int>, at least: Int, _ most: Int? = nil, updating: Int? = nil, set: Int = 7, next: Int = 0,
    copy: Range<Int>? = nil
  ) -> Remnant.Facts {
    Remnant.Facts(
      set: set, nextSet: next, least: least, most: most ?? least, updating: updating ?? most ?? least,
      ranges: [range], copies: copy.map { [$0] } ?? [])
  }

  private func plan(_ facts: [Remnant.Facts]...) -> RecoveryPlan? { RecoveryPlan(facts, count: 120) }

  @Test func anUpdateThatOneHasBegunIsFinishedByAll() {
    let found = plan([shard(0..<50, at: 4, 5)], [shard(50..<120, at: 4)])
    #expect(found?.step == 5 && found?.begun == .init(rank: 0, number: 0) && found?.places.count == 2)
    // Begun, and not one piece changed.
    #expect(plan([shard(0..<50, at: 4)], [shard(50..<120, at: 4, updating: 5)])?.step == 5)
    #expect(plan([shard(0..<50, at: 4)], [shard(50..<120, at: 4)])?.step == 4)
    #expect(plan([shard(0..<50, at: 4)], [shard(50..<120, at: 4)])?.begun == nil)
    // A rank without pieces says nothing of steps.
    let empty = Remnant.Facts(set: 7, least: .max, most: 0, updating: 0, ranges: [])
    #expect(plan([empty], [shard(0..<120, at: 3)])?.step == 3)
  }

  @Test func whatIsNotWholeIsNotTaken() {
    #expect(plan() == nil)
    #expect(plan([shard(0..<50, at: 4)], []) == nil)
    #expect(plan([shard(0..<50, at: 4), shard(60..<120, at: 4)]) == nil)
    // Shards of another state, and of a host that was away while others went on.
    #expect(plan([shard(0..<50, at: 4)], [shard(50..<120, at: 4, set: 8)]) == nil)
    #expect(plan([shard(0..<50, at: 4)], [shard(50..<120, at: 6)]) == nil)
    // An update that nobody is known to have begun, and one whose gradients are gone.
    #expect(plan([shard(0..<50, at: 4)], [shard(50..<120, at: 5, updating: -1)]) == nil)
    #expect(plan([shard(0..<50, at: 4, updating: -1)], [shard(50..<120, at: 5)]) == nil)
  }

  @Test func aCopyTakesThePlaceOfAShardThatIsGone() {
    let shards = [
      shard(0..<40, at: 4, copy: 80..<120), shard(40..<80, at: 4, 5, copy: 0..<40),
      shard(80..<120, at: 4, updating: 5, copy: 40..<80),
    ]
    for lost in 0..<3 {
      let left = shards.indices.filter { $0 != lost }.map { [shards[$0]] }
      #expect(RecoveryPlan(left, count: 120)?.step == 5)
      #expect(RecoveryPlan(Array(left.prefix(1)), count: 120) == nil)
    }
    // The lost one comes back, and is of an earlier step.
    var late = shards
    late[2] = shard(80..<120, at: 2, copy: 40..<80)
    let found = RecoveryPlan(late.map { [$0] }, count: 120)
    #expect(found?.step == 5 && found?.places.map(\.rank) == [0, 1])
  }

  @Test func theNewestOfSeveralIsTaken() {
    let whole = Remnant.Facts(least: 6, most: 6, updating: -1, ranges: [0..<120])
    #expect(plan([shard(0..<120, at: 5), whole])?.places == [.init(rank: 0, number: 1)])
    #expect(plan([shard(0..<120, at: 7), whole])?.step == 7)
    // Newer, but not whole.
    #expect(plan([shard(0..<50, at: 9), whole])?.step == 6)
  }

  /// Two shards are taken up in place and the third, of a lost rank, is made anew: in whichever order this was cut off.
  @Test func whileRanksTakeShardsUpOneOfTheSetsIsWhole() {
    let old = [
      shard(0..<40, at: 5, copy: 80..<120), shard(40..<80, at: 5, copy: 0..<40),
    ]
    func left(next: Int, flipped: Int, new: Bool) -> [[Remnant.Facts]] {
      var facts = old.enumerated().map { number, shard in
        var shard = shard
        if number < next { shard.nextSet = 9 }
        if number < flipped { shard.set = 9 }
        return shard
      }
      if new { facts.append(shard(80..<120, at: 5, set: 9, copy: 40..<80)) }
      return facts.map { [$0] }
    }
    for cut in [
      left(next: 0, flipped: 0, new: false), left(next: 1, flipped: 0, new: false),
      left(next: 2, flipped: 0, new: false), left(next: 2, flipped: 0, new: true),
      left(next: 2, flipped: 1, new: true), left(next: 2, flipped: 2, new: true),
    ] {
      #expect(RecoveryPlan(cut, count: 120)?.step == 5)
    }
  }

  @Test func everyElementHasItsSources() throws {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<200 {
      func cuts() -> [StateShare] {
        let parts = Int.random(in: 1...5, using: &random)
        let bounds = [0] + (1..<parts).map { _ in Int.random(in: 0...120, using: &random) }.sorted() + [120]
        let ranges = (0..<parts).map { bounds[$0]..<bounds[$0 + 1] }
        let copies = Bool.random(using: &random)
        return ranges.indices.map {
          StateShare([ranges[$0]], copies: copies && parts > 1 ? [ranges[($0 + 1) % parts]] : [])
        }
      }
      let (old, new) = (cuts(), cuts())
      let facts = old.map { share in
        [
          Remnant.Facts(
            set: 1, least: 2, most: 2, updating: 2, ranges: share.ranges(areCopies: false),
            copies: share.ranges(areCopies: true))
        ]
      }
      let sources = try #require(RecoveryPlan(facts, count: 120)).sources(new)
      #expect(sources.first?.range.lowerBound == 0 && sources.last?.range.upperBound == 120)
      #expect(zip(sources, sources.dropFirst()).allSatisfy { $0.range.upperBound == $1.range.lowerBound })
      for source in sources {
        for element in source.range {
          #expect(source.places.map(\.rank).sorted() == old.indices.filter { old[$0].contains(element) })
          #expect(old[source.places[0].rank].ranges(areCopies: false).contains { $0.contains(element) })
        }
        for share in new { #expect(Set(source.range.map { share.contains($0) }).count == 1) }
      }
    }
  }

  @Test func factsTravelAsText() {
    let facts = shard(3..<50, at: .max, 0, updating: -1, set: .max, next: 12, copy: 60..<70)
    #expect(Remnant.Facts(text: facts.text) == facts)
    #expect(Remnant.Facts(text: "1 2 3") == nil)
  }

  @Test func copiesAreKeptOnAnotherHost() {
    for hosts in [[[0, 1], [2, 3], [4, 5]], [[0, 3, 4, 6], [1], [2, 5]], [[0], [1]]] {
      let keepers = ShareKeepers(hosts: hosts)
      for host in hosts {
        for rank in host {
          #expect(!host.contains(keepers.keepers[rank]))
          #expect(keepers.kept(by: rank).allSatisfy { keepers.keepers[$0] == rank })
        }
      }
    }
    #expect(ShareKeepers(hosts: [[0, 1, 2]]).keepers == [1, 2, 0])
    // No rank keeps more than it has to.
    #expect(ShareKeepers(hosts: [[0, 1], [2, 3]]).keepers == [2, 3, 0, 1])
  }
}
