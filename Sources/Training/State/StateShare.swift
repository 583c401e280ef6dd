/// The parts of the arena of which a rank keeps the optimizer's state, one after the other in memory, in ascending order.
struct StateShare: Equatable {
  let ranges: [Range<Int>]
  /// For each, whether it is a copy of what another rank has.
  let areCopies: [Bool]
  /// Where each begins.
  private let places: [Int]
  /// Elements of all.
  let count: Int

  /// - Parameter ranges: in any order, without overlaps, also with the copies; empty ones are left out.
  init(_ ranges: [Range<Int>], copies: [Range<Int>] = []) {
    let all = ranges.map { (range: $0, isCopy: false) } + copies.map { (range: $0, isCopy: true) }
    let ordered = all.filter { !$0.range.isEmpty }.sorted { $0.range.lowerBound < $1.range.lowerBound }
    var (places, next): ([Int], Int) = ([], 0)
    for (range, _) in ordered {
      places.append(next)
      next += range.count
    }
    (self.ranges, areCopies) = (ordered.map(\.range), ordered.map(\.isCopy))
    (self.places, count) = (places, next)
  }

  /// What one of `size` ranks keeps in sharded runs: its share of each bucket, and copies of the shares of those whose keeper it is.
  init(of buckets: [Range<Int>], rank: Int, size: Int, keepers: ShareKeepers?) {
    let kept = keepers?.kept(by: rank) ?? []
    self.init(
      buckets.map { Bucket.share(of: $0, rank: rank, size: size) },
      copies: buckets.flatMap { bucket in kept.map { Bucket.share(of: bucket, rank: $0, size: size) } })
  }

  /// Its ranges in two parts of as many elements, give or take one.
  var halves: [StateShare] {
    let middle = count / 2
    let cuts = zip(ranges, places).map { range, place in
      range.lowerBound + min(max(middle - place, 0), range.count)
    }
    return [
      StateShare(zip(ranges, cuts).map { $0.lowerBound..<$1 }),
      StateShare(zip(ranges, cuts).map { $1..<$0.upperBound }),
    ]
  }

  /// Those of which it is a copy, or is none.
  func ranges(areCopies: Bool) -> [Range<Int>] {
    zip(ranges, self.areCopies).filter { $0.1 == areCopies }.map(\.0)
  }

  /// Whether the state of the element at an offset is here.
  func contains(_ offset: Int) -> Bool {
    let range = range(notBefore: offset)
    return range < ranges.count && ranges[range].contains(offset)
  }

  /// Where the state of the element at an offset of the arena lies. The elements after it follow, as far as its range goes.
  func place(of offset: Int) -> Int {
    let range = range(notBefore: offset)
    precondition(
      range < ranges.count && ranges[range].contains(offset),
      "StateShare: the state of element \(offset) is with another rank")
    return places[range] + offset - ranges[range].lowerBound
  }

  /// The first range that ends after an offset.
  private func range(notBefore offset: Int) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
