/// How a product is cut into tiles: a grid that depends on the shape alone, so that the bits of the result do not depend
/// on the number of threads.
///
/// OpenBLAS copies ("packs") both factors into its own layout on every call. A tile has its own call, so cutting rows
/// packs B once per cut, and cutting columns packs A. The plan cuts where that costs less, into 4 tiles, and more where
/// each can keep 512 rows or columns. Products too small to share are cut into fewer. With a small k, writing C takes
/// longer than packing, and whole rows are written fastest.
///
/// Narrow products (at most 16 rows or columns) go into tiles of at most 10^6 multiplications: OpenBLAS does those
/// without packing, which is 1.4 to 2.6 times faster there.
struct TilePlan: Equatable {
  let rows: Int
  let columns: Int
  let rowsPerTile: Int
  let columnsPerTile: Int

  /// Multiplications of the smallest tile worth another thread: about 20 microseconds.
  private static let smallestTile = 1 << 20
  /// OpenBLAS's bound for products without packing.
  private static let unpackedTile = 1_000_000
  private static let narrow = 16
  private static let shallow = 64
  private static let fewestTiles = 4
  private static let longTile = 512
  /// A large product is also cut the other way, into tiles of this length.
  private static let longestTile = 2_048

  /// Tiles of the product of an m x k and a k x n matrix. m, n at least 1.
  init(m: Int, n: Int, k: Int, transposeA: Bool = false, transposeB: Bool = false) {
    rows = m
    columns = n
    let volume = Self.product(m, n, k)
    let affordable = volume / Self.smallestTile
    // Time to pack an element, as measured on AVX-512 kernels: transposing on the way costs twice as much.
    let costOfCuttingRows = n * (transposeB ? 6 : 3)
    let costOfCuttingColumns = m * (transposeA ? 7 : 4)
    if affordable < 2 {
      (rowsPerTile, columnsPerTile) = (m, n)
    } else if min(m, n) <= Self.narrow {
      let parts = max(Self.fewestTiles, volume / Self.unpackedTile + 1)
      rowsPerTile = m > n ? Self.part(of: m, parts: parts, multiple: 4) : m
      columnsPerTile = m > n ? n : Self.part(of: n, parts: parts, multiple: 16)
    } else {
      let byRows = k < Self.shallow && m >= 64 || costOfCuttingRows <= costOfCuttingColumns
      let (long, across) = byRows ? (m, n) : (n, m)
      let parts = min(affordable, max(Self.fewestTiles, long / Self.longTile))
      let partsAcross = max(1, across / Self.longestTile)
      rowsPerTile = Self.part(of: m, parts: byRows ? parts : partsAcross, multiple: 4)
      columnsPerTile = Self.part(of: n, parts: byRows ? partsAcross : parts, multiple: 16)
    }
  }

  /// Length of `parts` equal parts of `length`, rounded up to whole blocks of OpenBLAS's kernels.
  private static func part(of length: Int, parts: Int, multiple: Int) -> Int {
    let exact = (length + parts - 1) / parts
    return min(length, (exact + multiple - 1) / multiple * multiple)
  }

  /// m n k, or the largest integer if that is too small.
  private static func product(_ m: Int, _ n: Int, _ k: Int) -> Int {
    let (area, areaOverflow) = m.multipliedReportingOverflow(by: n)
    let (volume, volumeOverflow) = area.multipliedReportingOverflow(by: k)
    return areaOverflow || volumeOverflow ? .max : volume
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
