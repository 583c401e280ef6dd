import Graph

/// The parameter arena cut into the pieces in which it is updated, summed over, owned and saved.
///
/// A piece is a part of one tensor, and the arena is also cut at every multiple of `length`, so the cut depends on the graph alone: never on
/// the number of ranks or threads. What is summed over an arena is summed piece by piece and then over the pieces in their order, and so has the same bits on any
/// number of ranks. A piece is also the most that an interrupted update leaves half done.
public struct UpdatePieces: Sendable {
  public struct Piece: Sendable, Equatable {
    /// Of the arena.
    public let range: Range<Int>
    /// Which of the graph's parameters it is a part of.
    public let tensor: Int
  }

  /// In the order of the arena. The padding between tensors belongs to none.
  public let pieces: [Piece]
  /// Elements of the arena.
  public let arenaCount: Int

  /// Elements of a piece at most, and where there is always a cut, so that no piece lies in two grains of this length: gradient, parameter and two states of this length stay in a core's second-level cache.
  public static let length = 16_384

  public init(_ graph: Graph) {
    arenaCount = graph.arenaCount
    // Parameters lie in the arena in another order than in the list where running statistics are among them.
    let byOffset = graph.parameters.indices.sorted {
      graph.parameters[$0].offset < graph.parameters[$1].offset
    }
    pieces = byOffset.flatMap { tensor in
      let range = graph.parameters[tensor].range
      return stride(
        from: range.lowerBound / Self.length * Self.length, to: range.upperBound, by: Self.length
      ).map {
        Piece(range: ($0..<$0 + Self.length).clamped(to: range), tensor: tensor)
      }
    }
  }

  /// Where an arena may be cut so that no piece is: the first piece boundary at or after `offset`.
  public func boundary(notBelow offset: Int) -> Int {
    let first = firstPiece(notBelow: offset)
    return first < pieces.count ? pieces[first].range.lowerBound : arenaCount
  }

  /// The pieces in a range of the arena that begins and ends where pieces do, as indices.
  public func indices(in range: Range<Int>) -> Range<Int> {
    firstPiece(notBelow: range.lowerBound)..<firstPiece(notBelow: range.upperBound)
  }

  /// Part `part` of the arena cut into `parts` of nearly equal length on piece boundaries: what one rank owns.
  public func share(_ part: Int, of parts: Int) -> Range<Int> {
    func cut(_ part: Int) -> Int {
      part == 0 ? 0 : part == parts ? arenaCount : boundary(notBelow: arenaCount * part / parts)
    }
    return cut(part)..<cut(part + 1)
  }

  private func firstPiece(notBelow offset: Int) -> Int {
    var (low, high) = (0, pieces.count)
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].range.lowerBound < offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
