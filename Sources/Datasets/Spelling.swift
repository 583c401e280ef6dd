/// What somebody probably meant who wrote a name that does not exist.
package enum Spelling {
  /// The name nearest to `word`, or nil when none is near: at most a third of the word's letters are
  /// wrong, missing, too many or swapped with their neighbour. Upper and lower case are the same.
  package static func nearest(to word: String, among names: some Sequence<String>) -> String? {
    let limit = word.count / 3
    let ranked = names.map { (name: $0, distance: distance(word.lowercased(), $0.lowercased())) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= limit else { return nil }
    return best.name
  }

  /// `; did you mean "NAME"?`, or nothing when no name is near.
  package static func suggestion(for word: String, among names: some Sequence<String>) -> String {
    nearest(to: word, among: names).map { "; did you mean \(Quotation.of($0))?" } ?? ""
  }

  /// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other (optimal string
  /// alignment), over Unicode characters.
  package static func distance(_ first: String, _ second: String) -> Int {
    let first = Array(first)
    let second = Array(second)
    if first.isEmpty || second.isEmpty { return max(first.count, second.count) }
    var beforePrevious: [Int] = []
    var previous = Array(0...second.count)
    for i in 1...first.count {
      var current = [i]
      for j in 1...second.count {
        let substitution = previous[j - 1] + (first[i - 1] == second[j - 1] ? 0 : 1)
        var best = min(substitution, previous[j] + 1, current[j - 1] + 1)
        if i > 1, j > 1, first[i - 1] == second[j - 2], first[i - 2] == second[j - 1] {
          best = min(best, beforePrevious[j - 2] + 1)
        }
        current.append(best)
      }
      (beforePrevious, previous) = (previous, current)
    }
    return previous[second.count]
  }
}
