import CKernels

/// A change of the order of the axes of a row-major tensor: output axis i is input axis `axes[i]`.
///
/// Where the last axis stays the last, runs are copied; otherwise blocks of matrices are transposed.
package struct Permutation: Sendable {
  private enum Form {
    case runs(StridedCopy)
    /// Matrices of `rows` × `columns` outputs, cut in blocks; input rows lie `ldx` apart, output rows `ldy`.
    case transposes(outer: StridedAxes, rows: Int, columns: Int, ldx: Int, ldy: Int)
  }

  package let count: Int
  private let form: Form

  private static let grain = 16_384
  private static let blockRows = 64
  private static let blockColumns = 256

  /// Nil where more than ``Broadcast/largestRank`` loops would be needed.
  package init?(_ extents: [Int], _ axes: [Int]) {
    let inputStrides = StridedAxes.rowMajor(extents)
    let outputExtents = axes.map { extents[$0] }
    let xStrides = axes.map { inputStrides[$0] }
    let yStrides = StridedAxes.rowMajor(outputExtents)
    count = extents.reduce(1, *)
    let loops = StridedAxes(outputExtents, strides: [xStrides, yStrides])
    let last = loops.rank - 1
    if loops.strides[0][last] == 1 {
      guard let copy = StridedCopy(outputExtents, from: xStrides, to: yStrides) else { return nil }
      form = .runs(copy)
    } else {
      // The input's last axis has stride 1: it is among the loops, since its extent is above 1.
      guard let row = loops.strides[0].firstIndex(of: 1) else { return nil }
      let others = loops.extents.indices.filter { $0 != row && $0 != last }
      let outer = StridedAxes(
        others.map { loops.extents[$0] },
        strides: loops.strides.map { strides in others.map { strides[$0] } })
      form = .transposes(
        outer: outer, rows: loops.extents[row], columns: loops.extents[last], ldx: loops.strides[0][last],
        ldy: loops.strides[1][row])
    }
  }

  /// The order of axes that undoes `axes`.
  package static func inverse(of axes: [Int]) -> [Int] {
    var inverse = axes
    for (output, input) in axes.enumerated() { inverse[input] = output }
    return inverse
  }

  package var tiles: Int {
    switch form {
    case .runs: (count + Self.grain - 1) / Self.grain
    case .transposes(let outer, let rows, let columns, _, _):
      (outer.count * Self.blocks(rows, columns) + perTile - 1) / perTile
    }
  }

  /// Blocks of one tile.
  private var perTile: Int {
    guard case .transposes(_, let rows, let columns, _, _) = form else { return 1 }
    return max(1, Self.grain / (min(rows, Self.blockRows) * min(columns, Self.blockColumns)))
  }

  private static func blocks(_ rows: Int, _ columns: Int) -> Int {
    (rows + blockRows - 1) / blockRows * ((columns + blockColumns - 1) / blockColumns)
  }

  /// One tile of y = x with its axes in the new order, or added to y.
  package func run(
    tile: Int, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    switch form {
    case .runs(let copy):
      let first = tile * Self.grain
      copy.run(first..<min(first + Self.grain, count), x, to: y, accumulate: accumulate)
    case .transposes(let outer, let rows, let columns, let ldx, let ldy):
      let across = (columns + Self.blockColumns - 1) / Self.blockColumns
      let blocks = Self.blocks(rows, columns)
      for index in tile * perTile..<min((tile + 1) * perTile, outer.count * blocks) {
        let (top, left) = (
          index % blocks / across * Self.blockRows, index % blocks % across * Self.blockColumns
        )
        let (from, to) = Self.offsets(index / blocks, outer)
        rondo_transpose(
          accumulate ? 1 : 0, min(Self.blockRows, rows - top), min(Self.blockColumns, columns - left),
          x + from + left * ldx + top, ldx, y + to + top * ldy + left, ldy)
      }
    }
  }

  /// Where the matrix at `index` of the outer loops begins in either buffer.
  private static func offsets(_ index: Int, _ outer: StridedAxes) -> (Int, Int) {
    var (rest, from, to) = (index, 0, 0)
    for axis in stride(from: outer.rank - 1, through: 0, by: -1) {
      let (quotient, here) = rest.quotientAndRemainder(dividingBy: outer.extents[axis])
      from += here * outer.strides[0][axis]
      to += here * outer.strides[1][axis]
      rest = quotient
    }
    return (from, to)
  }
}
