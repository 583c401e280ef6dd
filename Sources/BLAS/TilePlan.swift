/// How a product is cut: a grid of `rowParts` x `columnParts` tiles, by the shape alone.
struct TilePlan: Equatable {
  let rows: Int
  let columns: Int
  let rowsPerTile: Int
  let columnsPerTile: Int

  /// Tiles of the product of an m x k and a k x n matrix.
  init(m: Int, n: Int, k: Int) {
    rows = m
    columns = n
    // Below this many multiplications, waking a thread costs more than it saves.
    if m * n * k < 1 << 19 {
      (rowsPerTile, columnsPerTile) = (max(m, 1), max(n, 1))
    } else if n >= m {
      (rowsPerTile, columnsPerTile) = (m, Self.part(of: n, least: 128))
    } else {
      (rowsPerTile, columnsPerTile) = (Self.part(of: m, least: 128), n)
    }
  }

  /// Length of the parts of `length`: 4 to 8 of them if each has `least` then.
  private static func part(of length: Int, least: Int) -> Int {
    let parts = min(8, max(4, length / least))
    return ((length + parts - 1) / parts + 31) / 32 * 32
  }

  var rowParts: Int { (rows + rowsPerTile - 1) / rowsPerTile }
  var columnParts: Int { (columns + columnsPerTile - 1) / columnsPerTile }
  var count: Int { rowParts * columnParts }

  /// Rows and columns of a tile of `0..<count`; tiles of the same columns follow each other.
  subscript(tile: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let row = tile % rowParts * rowsPerTile
    let column = tile / rowParts * columnsPerTile
    return (row..<min(row + rowsPerTile, rows), column..<min(column + columnsPerTile, columns))
  }
}
