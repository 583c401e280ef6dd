/// From what the state of the newest step is put together: whole replicas and shards that earlier lives of a run have left. The same on all
/// ranks, which make it of the same facts.
///
/// **A set** is all shards of one state. Its step is the newest one v that anybody in it has begun to update to, or has come to: since updates
/// begin when all gradients are complete, and the next step's when all have updated, every shard of the set is then at v, or at v - 1 and can
/// be brought to v from its own memory. What is at another step belongs to a host that was away while the others went on. A set is complete when
/// every element of the arena is in one of its shards; with copies at neighbours, some shards may be missing. A whole replica is a set by itself.
///
/// **Change of ranks.** While shards are taken up by other ranks they belong to two sets, the old one and the next; whichever is complete
/// is taken. Ranks give up the old one when the new one is complete, so at every instant one of them is.
struct RecoveryPlan: Equatable {
  /// One remnant: a number of those that one rank has found.
  struct Place: Hashable {
    var rank: Int
    var number: Int
  }

  /// Elements of the arena, and the remnants that have their state: first the one that is no copy.
  struct Source: Equatable {
    var range: Range<Int>
    var places: [Place]
  }

  /// The step at which the state will be.
  let step: Int
  /// The remnants that are at it or will be, in the order of ranks.
  let places: [Place]
  /// The first of those whose update to the step has begun, if some have yet to come to it: it tells how.
  let begun: Place?
  private let facts: [[Remnant.Facts]]

  /// The newest complete set; nil if there is none.
  ///
  /// - Parameters:
  ///   - facts: of the remnants of each rank.
  ///   - count: elements of the arena.
  init?(_ facts: [[Remnant.Facts]], count: Int) {
    let all = facts.indices.flatMap { rank in
      facts[rank].indices.map { Place(rank: rank, number: $0) }
    }
    func fact(_ place: Place) -> Remnant.Facts { facts[place.rank][place.number] }
    let names = Set(all.flatMap { [fact($0).set, fact($0).nextSet] }).subtracting([0]).sorted()
    let sets =
      names.map { name in all.filter { fact($0).set == name || fact($0).nextSet == name } }
      + all.filter { fact($0).set == 0 }.map { [$0] }
    var best: (step: Int, places: [Place], begun: Place?)?
    for set in sets {
      let step = set.map { max(fact($0).updating, fact($0).most) }.max() ?? -1
      let begun = set.first { fact($0).updating == step }
      let places = set.filter { place in
        let fact = fact(place)
        let isBehind = fact.least == step - 1 && fact.updating >= 0 && begun != nil
        return fact.least == step || fact.least == .max || isBehind
      }
      guard step > best?.step ?? -1, Self.covers(count, places.flatMap { fact($0).ranges + fact($0).copies })
      else { continue }
      best = (step, places, places.contains { fact($0).least == step - 1 } ? begun : nil)
    }
    guard let best else { return nil }
    (step, places, begun, self.facts) = (best.step, best.places, best.begun, facts)
  }

  private static func covers(_ count: Int, _ ranges: [Range<Int>]) -> Bool {
    var end = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard range.lowerBound <= end else { return false }
      end = max(end, range.upperBound)
    }
    return end >= count
  }

  /// The arena cut where any remnant or any of `shares` begins or ends, with who has what, in ascending order.
  func sources(_ shares: [StateShare]) -> [Source] {
    let own = places.map { StateShare(facts[$0.rank][$0.number].ranges) }
    let copies = places.map { StateShare(facts[$0.rank][$0.number].copies) }
    let cuts = Set((own + copies + shares).flatMap { $0.ranges.flatMap { [$0.lowerBound, $0.upperBound] } })
      .sorted()
    return zip(cuts, cuts.dropFirst()).map { lower, upper in
      func having(_ shares: [StateShare]) -> [Place] {
        zip(places, shares).filter { $0.1.contains(lower) }.map(\.0)
      }
      return Source(range: lower..<upper, places: having(own) + having(copies))
    }
  }
}
