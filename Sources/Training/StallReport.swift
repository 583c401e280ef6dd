/// What a watch says of a collective that stands still: one line.
struct StallReport {
  var rank: Int
  /// Of all ranks.
  var hosts: [String]
  /// What stands still.
  var collective: String
  /// As of `Collective`.
  var isOpenEnded = false
  /// Its number on this thread.
  var entered: Int
  var seconds: Double
  /// The rank for whose message this one waits, where it knows.
  var peer: Int?
  /// The place of the thread among the rows of a rank.
  var row: Int
  /// The rows of the ranks that answered.
  var answers: [Int: [RowPosition]]
  /// Ranks that were asked and did not answer.
  var silent: [Int]

  /// Whether what stands still may be ended: not while others may have files to read or write.
  var mayEnd: Bool {
    let isBusy = behind.values.contains { $0.contains { $0.collective == nil && $0.activity.kind == .files } }
    return !silent.isEmpty || !isBusy && !(isOpenEnded && behind.isEmpty)
  }

  /// Whether some rank was found that the others wait for.
  var namesCulprit: Bool { !silent.isEmpty || !behind.isEmpty }

  var line: String {
    "rank \(rank): no progress for \(Int(seconds.rounded())) s in \(collective) on \(hosts[rank]): \(cause)"
  }

  /// Who is to blame: ranks that do not answer; else those that are behind, and among these first the ones that wait for nobody.
  private var cause: String {
    if !silent.isEmpty {
      let verb = silent.count == 1 ? "gives" : "give"
      return "waits for \(names(silent)), which \(verb) no sign of life: stopped, or cut off"
    }
    let behind = behind
    let computing = behind.filter { $0.value.allSatisfy { $0.collective == nil } }
    if let first = (computing.isEmpty ? behind : computing).min(by: { $0.key < $1.key }) {
      let ranks = (computing.isEmpty ? behind : computing).keys.sorted()
      let what =
        ranks.count == 1
        ? "which has not come to it and is" : "which have not come to it; rank \(first.key) is"
      return "waits for \(names(ranks)), \(what) \(Self.whereabouts(first.value))"
    }
    if let peer {
      return answers.isEmpty
        ? "waits for \(names([peer]))"
        : "waits for \(names([peer])), which is in it or past it: its message does not come"
    }
    return answers.isEmpty
      ? "this MPI library grants no thread level multiple, so the other ranks cannot be asked"
      : "no rank is behind: the network is slow, or messages do not come"
  }

  /// Ranks that have not come to the collective.
  private var behind: [Int: [RowPosition]] { answers.filter { $0.value[row].entered < entered } }

  /// Where a rank's threads are: in a collective, or whatever the compute thread does.
  private static func whereabouts(_ rows: [RowPosition]) -> String {
    if let collective = rows.lazy.compactMap(\.collective).first { return "in \(collective)" }
    return rows.first?.activity.text ?? "elsewhere"
  }

  private func names(_ ranks: [Int]) -> String {
    let shown = ranks.prefix(4).map { "\($0) (\(hosts[$0]))" }
    let more = ranks.count > 4 ? " and \(ranks.count - 4) more" : ""
    return (ranks.count == 1 ? "rank " : "ranks ") + shown.joined(separator: ", ") + more
  }
}
