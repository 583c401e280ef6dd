/// What all ranks of a job found out.
public struct JobFacts: Codable, Sendable, Equatable {
  /// In the order of ranks; never empty.
  public let ranks: [RankFacts]

  /// - Precondition: there is at least one rank.
  public init(ranks: [RankFacts]) {
    precondition(!ranks.isEmpty, "JobFacts: a job has at least one rank")
    self.ranks = ranks
  }

  /// The ranks of each machine, in the order in which machines appear.
  public var hosts: [(name: String, ranks: [RankFacts])] {
    var names: [String] = []
    for rank in ranks where !names.contains(rank.host) { names.append(rank.host) }
    let groups = Dictionary(grouping: ranks, by: \.host)
    return names.map { ($0, groups[$0] ?? []) }
  }

  var first: RankFacts { ranks[0] }
}

extension JobFacts {
  /// `rank 0 on n1`, `rank 0 on n1 (and 99 others)`: large jobs have the same fault on many ranks.
  static func name(_ affected: [RankFacts]) -> String {
    guard let first = affected.first else { return "no rank" }
    let others = affected.count - 1
    let rest = others == 0 ? "" : others == 1 ? " (and 1 other rank)" : " (and \(others) other ranks)"
    return "rank \(first.rank) on \(first.host)\(rest)"
  }

  static func count(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
