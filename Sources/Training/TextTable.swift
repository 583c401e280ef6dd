import MPI

/// Rows of words in aligned columns, for people: what a terminal would obey is escaped.
enum TextTable {
  /// - Parameter left: columns that are aligned to the left; all others to the right.
  static func lines(_ rows: [[String]], left: Set<Int> = [0]) -> [String] {
    let rows = rows.map { $0.map(TerminalText.oneLine) }
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return left.contains(column) ? cell + padding : padding + cell
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
