/// How recursive doubling arranges any number of ranks: `active` ranks exchange in groups, the surplus ones are
/// folded into neighbours.
///
/// `active` is the largest number up to `size` whose prime factors are at most `largestGroup`, and `radices` are
/// its factors, each at most `largestGroup`: the sizes of the groups, round by round. Active ranks are numbered;
/// in round i those exchange whose numbers differ in digit i alone, in the mixed radix system of `radices`,
/// lowest digit first, so that the first groups are neighbours.
///
/// Of the first 2 `surplus` ranks the odd ones are passive: each gives its buffer to the rank before it, and gets
/// the result from it.
struct RankGroups {
  let size: Int
  let active: Int
  let radices: [Int]
  var surplus: Int { size - active }

  init(size: Int, largestGroup: Int) {
    precondition(largestGroup >= 2)
    self.size = size
    var active = size
    while true {
      var rest = active
      var radices: [Int] = []
      while let factor = (2...largestGroup).last(where: { rest % $0 == 0 }) {
        radices.append(factor)
        rest /= factor
        if rest == 1 { break }
      }
      if rest == 1 {
        self.active = active
        self.radices = radices
        return
      }
      active -= 1
    }
  }

  /// The number of an active rank, nil for a passive one.
  func number(of rank: Int) -> Int? {
    if rank >= 2 * surplus { return rank - surplus }
    return rank % 2 == 0 ? rank / 2 : nil
  }

  func rank(numbered number: Int) -> Int { number < surplus ? 2 * number : number + surplus }

  /// Whether a rank is one of a pair of an active and a passive one.
  func isPaired(_ rank: Int) -> Bool { rank < 2 * surplus }

  /// The ranks that exchange with an active rank in a round, itself among them, in ascending order.
  func group(of number: Int, round: Int) -> [Int] {
    let stride = radices[..<round].reduce(1, *)
    let first = number - (number / stride % radices[round]) * stride
    return (0..<radices[round]).map { rank(numbered: first + $0 * stride) }
  }

  /// In how many rounds two active ranks are in different places of their groups.
  func distance(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    var distance = 0
    for radix in radices {
      if a % radix != b % radix { distance += 1 }
      a /= radix
      b /= radix
    }
    return distance
  }
}
