import CKernels

/// A reduction of some axes of a row-major tensor: where the elements lie, and how the work is cut.
///
/// The work is a grid of tiles: outputs times parts of what is reduced. With several parts, each tile writes a partial result, and
/// `combine` joins them in ascending order. The cut and the order of additions depend on the shape alone.
package struct Reduction: Sendable {
  package enum Kind: String, Sendable {
    case sum
    /// NaN where one is among the elements.
    case maximum

    fileprivate var code: Int32 {
      Int32((self == .sum ? RONDO_REDUCE_SUM : RONDO_REDUCE_MAX).rawValue)
    }
  }

  /// Elements of the result.
  package let outputs: Int
  /// Elements that become one.
  package let length: Int
  /// Parts of the reduced elements; partial results of each are combined where there is more than one.
  package let parts: Int
  private let kept, reduced: StridedAxes
  private let innerIsReduced: Bool
  private let outputsPerTile: Int
  private let lengthPerPart: Int
  private let partial: (kept: StridedAxes, reduced: StridedAxes)

  /// Elements of one tile.
  private static let grain = 32_768
  /// As many tiles as any machine's threads want; partial results need no more memory than this allows.
  private static let mostTiles = 64

  /// Nil where more than ``Broadcast/largestRank`` loops would be needed.
  ///
  /// - Parameter reduces: for each axis, whether it is reduced.
  package init?(_ extents: [Int], reduces: [Bool]) {
    let strides = StridedAxes.rowMajor(extents)
    let axes = { (isReduced: Bool) in
      let indices = extents.indices.filter { reduces[$0] == isReduced }
      return StridedAxes(indices.map { extents[$0] }, strides: [indices.map { strides[$0] }])
    }
    (kept, reduced) = (axes(false), axes(true))
    guard max(kept.rank, reduced.rank) <= Broadcast.largestRank else { return nil }
    (outputs, length) = (kept.count, reduced.count)
    innerIsReduced = extents.indices.last { extents[$0] > 1 }.map { reduces[$0] } ?? false
    // Neighbouring outputs are reduced together, over whole rows where they fit: narrow columns of a wide matrix lie on many pages.
    let fewest = innerIsReduced ? 1 : 1_024
    outputsPerTile = min(outputs, max(fewest, (Self.grain / length + fewest - 1) / fewest * fewest))
    let tiles = (outputs + outputsPerTile - 1) / outputsPerTile
    let wanted = min(max(1, Self.mostTiles / tiles), max(1, outputsPerTile * length / Self.grain), length)
    lengthPerPart = (length + wanted - 1) / wanted
    parts = (length + lengthPerPart - 1) / lengthPerPart
    partial = (
      StridedAxes([outputs], strides: [[1]]), StridedAxes([parts], strides: [[outputs]])
    )
  }

  /// Elements of scratch: the partial results.
  package var workspaceCount: Int { parts > 1 ? parts * outputs : 0 }

  /// Tiles of `reduce`.
  package var tiles: Int { (outputs + outputsPerTile - 1) / outputsPerTile * parts }

  /// Computes one tile: of y itself (y (+)= factor · reduction), or with several parts of the partial results.
  package func reduce(
    _ kind: Kind, tile: Int, _ x: UnsafePointer<Float>, factor: Float, into y: UnsafeMutablePointer<Float>,
    accumulate: Bool, workspace: UnsafeMutablePointer<Float>
  ) {
    let (part, first) = (tile % parts, tile / parts * outputsPerTile)
    let start = part * lengthPerPart
    rondo_reduce(
      kind.code, innerIsReduced ? 1 : 0, kept.rank, kept.extents, kept.strides[0], reduced.rank,
      reduced.extents, reduced.strides[0], first, min(outputsPerTile, outputs - first), start,
      min(lengthPerPart, length - start), x, parts > 1 ? 1 : factor, parts == 1 && accumulate ? 1 : 0,
      parts > 1 ? workspace + part * outputs : y)
  }

  /// Outputs in `range` from the partial results.
  package func combine(
    _ kind: Kind, _ range: Range<Int>, _ workspace: UnsafePointer<Float>, factor: Float,
    into y: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    rondo_reduce(
      kind.code, 0, partial.kept.rank, partial.kept.extents, partial.kept.strides[0], partial.reduced.rank,
      partial.reduced.extents, partial.reduced.strides[0], range.lowerBound, range.count, 0, parts, workspace,
      factor, accumulate ? 1 : 0, y)
  }
}
