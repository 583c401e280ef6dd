/// The records of a comma-separated file (RFC 4180), or of a tab-separated one, one after another, read in blocks.
///
/// A cell is a range of bytes in the reader's buffer: no String is made. LF and CRLF end a line, a byte order mark is
/// skipped, and quotation marks have a meaning only where a cell begins with one.
struct CSVRecords: ~Copyable {
  /// The bytes of a cell without its quotation marks. Valid until the next record is read.
  typealias Cell = UnsafeBufferPointer<UInt8>

  let path: String
  /// Between cells.
  private let separator: UInt8
  /// Whether a cell may be in quotation marks, with separators, line breaks and doubled marks inside.
  private let hasQuotes: Bool
  /// The line on which the record read last begins; the first line of the file is 1.
  private(set) var line = 0
  /// Bytes of the records read so far.
  private(set) var consumedBytes = 0

  private let file: FileBytes
  private var buffer: UnsafeMutableBufferPointer<UInt8>
  /// `buffer[position..<end]` is read from the file and not yet handed out.
  private var position = 0
  private var end = 0
  private var isAtEndOfFile = false
  private var nextLine = 1
  /// The first one after the last row.
  private var emptyLine: Int?
  /// Whether the record in hand is one cell of nothing, not even quotation marks.
  private var isEmptyLine = false
  /// Cells of the record in hand with doubled quotation marks inside.
  private var cellsWithDoubledMarks: [Int] = []

  /// - Parameters:
  ///   - isTabSeparated: tabs between cells, and no quotation.
  ///   - blockBytes: how much is read at once, at least 4; a longer record makes the buffer grow.
  static func open(
    path: String, isTabSeparated: Bool = false, blockBytes: Int = 1 << 20
  ) throws(DatasetError) -> CSVRecords {
    try open(FileBytes.open(path: path), isTabSeparated: isTabSeparated, blockBytes: blockBytes)
  }

  static func open(
    _ file: consuming FileBytes, isTabSeparated: Bool = false, blockBytes: Int = 1 << 20
  ) throws(DatasetError) -> CSVRecords {
    var records = CSVRecords(file: file, isTabSeparated: isTabSeparated, blockBytes: blockBytes)
    try records.skipByteOrderMark()
    return records
  }

  private init(file: consuming FileBytes, isTabSeparated: Bool, blockBytes: Int) {
    path = file.path
    self.file = file
    separator = UInt8(ascii: isTabSeparated ? "\t" : ",")
    hasQuotes = !isTabSeparated
    buffer = .allocate(capacity: max(blockBytes, 4))
  }

  deinit { buffer.deallocate() }

  /// Bytes in the file, or nil where that is not known (a pipe, a packed file).
  var fileBytes: Int? { file.count }

  /// Reads one record into `cells`, replacing what is there. An empty line is a record of one empty cell.
  ///
  /// - Returns: false at the end of the file.
  mutating func next(into cells: inout [Cell]) throws(DatasetError) -> Bool {
    while true {
      if try nextInMemory(into: &cells) { return true }
      if isAtEndOfFile { return false }
      try fill()
    }
  }

  /// As `next`, without reading: false when the next record is not in memory as a whole.
  mutating func nextInMemory(into cells: inout [Cell]) throws(DatasetError) -> Bool {
    line = nextLine
    guard position < end, let next = try scan(into: &cells) else { return false }
    consumedBytes += next - position
    position = next
    halveQuotationMarks(in: &cells)
    return true
  }

  /// Reads one row: the next record that is no empty line. Only the last lines may be empty.
  ///
  /// - Parameter waits: false for what is in memory alone, as `nextInMemory`.
  /// - Returns: false at the end of the file.
  mutating func nextRow(into cells: inout [Cell], waits: Bool = true) throws(DatasetError) -> Bool {
    while try waits ? next(into: &cells) : nextInMemory(into: &cells) {
      if isEmptyLine {
        emptyLine = emptyLine ?? line
        continue
      }
      if let emptyLine {
        throw DatasetError("the line is empty, but others follow; remove it", path: path, line: emptyLine)
      }
      return true
    }
    return false
  }

  /// Moves what is left to the front of the buffer, which grows if it is full, and reads behind it what is there.
  private mutating func fill() throws(DatasetError) {
    let left = end - position
    if position > 0 {
      buffer.baseAddress?.update(from: buffer.baseAddress! + position, count: left)
    } else if end == buffer.count {
      let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 2 * buffer.count)
      larger.baseAddress?.initialize(from: buffer.baseAddress!, count: left)
      buffer.deallocate()
      buffer = larger
    }
    position = 0
    end = left
    let count = try file.readSome(
      into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[end...])))
    if count == 0 { isAtEndOfFile = true }
    end += count
  }

  private mutating func skipByteOrderMark() throws(DatasetError) {
    // The first byte tells whether to wait for more.
    while end < 3, !isAtEndOfFile, end == 0 || [0xEF, 0xFE, 0xFF].contains(buffer[0]) { try fill() }
    if end >= 2, (buffer[0], buffer[1]) == (0xFF, 0xFE) || (buffer[0], buffer[1]) == (0xFE, 0xFF) {
      throw DatasetError("the file is in UTF-16; save it as UTF-8", path: path)
    }
    if end >= 3, (buffer[0], buffer[1], buffer[2]) == (0xEF, 0xBB, 0xBF) { position = 3 }
  }
}

// The grammar: a record is cells between commas, and ends with LF, CRLF or the file.
extension CSVRecords {
  /// Finds the cells of the record at `position`, and the position after it; nil when its end is not in the buffer yet.
  private mutating func scan(into cells: inout [Cell]) throws(DatasetError) -> Int? {
    cells.removeAll(keepingCapacity: true)
    cellsWithDoubledMarks.removeAll(keepingCapacity: true)
    let bytes = Cell(buffer)
    let (separator, hasQuotes) = (separator, hasQuotes)
    var at = position
    var lineBreaks = 0
    isEmptyLine = false
    while true {
      if at < end, bytes[at] == UInt8(ascii: "\""), hasQuotes {
        guard let cell = try scanQuoted(from: at + 1, lineBreaks: &lineBreaks) else { return nil }
        if cell.hasDoubledMarks { cellsWithDoubledMarks.append(cells.count) }
        cells.append(Cell(rebasing: bytes[cell.content]))
        at = cell.end
      } else {
        let start = at
        while at < end, bytes[at] != separator, bytes[at] != UInt8(ascii: "\n") { at += 1 }
        if at == end, !isAtEndOfFile { return nil }
        let endsLine = at == end || bytes[at] == UInt8(ascii: "\n")
        let hasReturn = endsLine && at > start && bytes[at - 1] == UInt8(ascii: "\r")
        cells.append(Cell(rebasing: bytes[start..<(hasReturn ? at - 1 : at)]))
        isEmptyLine = endsLine && cells.count == 1 && cells[0].isEmpty
      }
      if at == end || bytes[at] == UInt8(ascii: "\n") {
        nextLine = line + lineBreaks + 1
        return min(at + 1, end)
      }
      at += 1
    }
  }

  private struct QuotedCell {
    let content: Range<Int>
    let hasDoubledMarks: Bool
    /// At the comma or line feed that ends the cell, or at the end of the file.
    let end: Int
  }

  /// Reads a quoted cell whose content begins at `start`; nil when its end is not in the buffer yet.
  private func scanQuoted(from start: Int, lineBreaks: inout Int) throws(DatasetError) -> QuotedCell? {
    var at = start
    var hasDoubledMarks = false
    while true {
      while at < end, buffer[at] != UInt8(ascii: "\"") {
        if buffer[at] == UInt8(ascii: "\n") { lineBreaks += 1 }
        at += 1
      }
      if at == end, isAtEndOfFile {
        throw DatasetError(
          "a cell of this row begins with a quotation mark that is never closed", path: path, line: line)
      }
      // What follows decides: another mark, or what ends the cell, two bytes if the first is a carriage return.
      let decisive = end - at >= 2 && buffer[at + 1] == UInt8(ascii: "\r") ? 3 : 2
      if end - at < decisive, !isAtEndOfFile { return nil }
      guard at + 1 < end, buffer[at + 1] == UInt8(ascii: "\"") else { break }
      hasDoubledMarks = true
      at += 2
    }
    var after = at + 1
    if after < end, buffer[after] == UInt8(ascii: "\r") {
      if after + 1 == end || buffer[after + 1] == UInt8(ascii: "\n") { after += 1 }
    }
    guard after >= end || buffer[after] == UInt8(ascii: ",") || buffer[after] == UInt8(ascii: "\n") else {
      throw DatasetError(
        "expected a comma or the end of the line after a closing quotation mark; inside a quoted cell a quotation "
          + "mark is written twice", path: path, line: line + lineBreaks)
    }
    return QuotedCell(content: start..<at, hasDoubledMarks: hasDoubledMarks, end: after)
  }

  /// Makes one mark of each doubled one, in place. Only once the record is complete: an incomplete one is scanned again.
  private mutating func halveQuotationMarks(in cells: inout [Cell]) {
    for index in cellsWithDoubledMarks {
      let cell = UnsafeMutableBufferPointer(mutating: cells[index])
      var length = 0
      var at = 0
      while at < cell.count {
        cell[length] = cell[at]
        length += 1
        at += cell[at] == UInt8(ascii: "\"") ? 2 : 1
      }
      cells[index] = Cell(rebasing: cell[..<length])
    }
  }
}
