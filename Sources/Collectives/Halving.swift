/// Who exchanges which chunks with whom in ``HalvingDoubling``, for one number of ranks.
struct Halving {
  let size: Int
  /// The numbers of chunks in hand: size, and from round to round the half of it, rounded up, down to 1.
  private let skips: [Int]

  var isPowerOfTwo: Bool { size & (size - 1) == 0 }

  /// One round of the reduce-scatter. The allgather takes it back: it sends `kept` to `from` and receives `sent`
  /// from `to`.
  struct Round {
    let to: Int
    let from: Int
    /// The chunks whose sums go to `to`, a run in two parts: up to the last chunk, and from chunk 0 on where the
    /// run wraps round. Either may be empty.
    let sent: [Range<Int>]
    /// The chunks to which the sums of `from` are added, likewise in two parts; the first begins at the rank's own
    /// chunk or holds it.
    let kept: [Range<Int>]
    /// Where the sums of `from` stand.
    let side: Action.Side
  }

  init(size: Int) {
    self.size = size
    var skips = [size]
    while let last = skips.last, last > 1 { skips.append((last + 1) / 2) }
    self.skips = skips
  }

  func rounds(ofRank rank: Int) -> [Round] {
    isPowerOfTwo ? butterfly(rank) : circulant(rank)
  }

  private func butterfly(_ rank: Int) -> [Round] {
    var rounds: [Round] = []
    var run = 0..<size
    while run.count > 1 {
      let partner = rank ^ (1 << rounds.count)
      let middle = run.lowerBound + run.count / 2
      let isLower = rank < partner
      let sent = isLower ? middle..<run.upperBound : run.lowerBound..<middle
      run = isLower ? run.lowerBound..<middle : middle..<run.upperBound
      rounds.append(
        Round(
          to: partner, from: partner, sent: [sent, 0..<0], kept: [run, 0..<0],
          side: isLower ? .right : .left))
    }
    return rounds
  }

  private func circulant(_ rank: Int) -> [Round] {
    zip(skips, skips.dropFirst()).map { inHand, skip in
      Round(
        to: (rank + skip) % size, from: (rank + size - skip) % size,
        sent: parts(of: rank + skip..<rank + inHand), kept: parts(of: rank..<rank + inHand - skip),
        side: .right)
    }
  }

  /// A run of chunks that is counted on beyond the last one.
  private func parts(of run: Range<Int>) -> [Range<Int>] {
    [run.clamped(to: 0..<size), run.clamped(to: size..<2 * size).shifted(by: -size)]
  }

  /// The chunk that a rank owns.
  func chunk(ofRank rank: Int) -> Int {
    guard isPowerOfTwo, size > 1 else { return rank }
    // The lowest bit says which half is kept first, so it is the highest of the chunk's number.
    var chunk = 0
    for bit in 0..<size.trailingZeroBitCount { chunk = chunk << 1 | rank >> bit & 1 }
    return chunk
  }

  /// Messages on the way of a chunk from its owner to a rank.
  func way(fromOwnerOf chunk: Int, to rank: Int) -> Int {
    if isPowerOfTwo {
      // Reversing bits is its own inverse.
      return (self.chunk(ofRank: chunk) ^ rank).nonzeroBitCount
    }
    return circulantWay((chunk - rank + size) % size)
  }

  /// Messages on the longest way to a chunk's owner.
  var longestWay: Int {
    isPowerOfTwo ? skips.count - 1 : (0..<size).map(circulantWay).max() ?? 0
  }

  /// Messages on the way over that many ranks: in each round the distance shrinks by the skip if it is no less.
  private func circulantWay(_ distance: Int) -> Int {
    var distance = distance
    var messages = 0
    for skip in skips.dropFirst() where distance >= skip {
      distance -= skip
      messages += 1
    }
    return messages
  }

  /// In which order a chunk's contributions are added.
  func order(ofChunk chunk: Int) -> AdditionOrder {
    isPowerOfTwo
      ? ReductionTree(leaves: size).order
      : circulantOrder(rank: chunk, offset: 0, rounds: skips.count - 1)
  }

  /// The sum that rank `rank` has of chunk rank + offset after that many rounds.
  private func circulantOrder(rank: Int, offset: Int, rounds: Int) -> AdditionOrder {
    guard rounds > 0 else { return .contribution(of: rank) }
    let own = circulantOrder(rank: rank, offset: offset, rounds: rounds - 1)
    let skip = skips[rounds]
    guard offset < skips[rounds - 1] - skip else { return own }
    let other = circulantOrder(rank: (rank + size - skip) % size, offset: offset + skip, rounds: rounds - 1)
    return .sum(own, other)
  }
}
