import Foundation

/// The text of a cell that names something: a column, a class, a category.
///
/// Words that Unicode calls the same (an e with an accent, and an e followed by one) are the same word, whoever wrote the file.
enum Word {
  /// Without blanks around it.
  ///
  /// - Returns: nil where the bytes are no UTF-8: another encoding read as UTF-8 would make one word of many.
  static func read(_ cell: CSVRecords.Cell) -> String? {
    String(validating: content(of: cell), as: UTF8.self)
  }

  /// As above; where the bytes are no UTF-8, an error that names the place.
  ///
  /// - Parameter column: by its name, where it has one already.
  static func read(
    _ cell: CSVRecords.Cell, path: String, line: Int, column: String? = nil
  ) throws(DatasetError) -> String {
    if let word = read(cell) { return word }
    let found = Quotation.of(String(decoding: content(of: cell), as: UTF8.self))
    throw DatasetError(
      "\(found) is not UTF-8; convert the file, as with iconv -f latin1 -t utf-8", path: path, line: line,
      column: column)
  }

  /// The names of a header's columns, blanks around them removed.
  static func names(_ header: [CSVRecords.Cell], path: String) throws(DatasetError) -> [String] {
    var names: [String] = []
    for cell in header { names.append(normal(try read(cell, path: path, line: 1))) }
    return names
  }

  /// The one spelling that is kept of a word, whichever of its spellings came first.
  static func normal(_ word: String) -> String {
    word.utf8.allSatisfy { $0 < 0x80 } ? word : word.precomposedStringWithCanonicalMapping
  }

  /// A word of another source without blanks around it, as a cell with it would be read.
  static func trimmed(_ word: String) -> String { String(decoding: content(of: word.utf8), as: UTF8.self) }

  private static func content<Bytes: BidirectionalCollection<UInt8>>(of text: Bytes) -> Bytes.SubSequence {
    let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    var rest = text.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
  }
}
