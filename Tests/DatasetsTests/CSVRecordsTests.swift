import Testing

@testable import Datasets

@Suite struct CSVRecordsTests {
  static func records(_ text: String, blockBytes: Int) throws -> [[String]] {
    let file = try TemporaryFile(text)
    var reader = try CSVRecords.open(path: file.path, blockBytes: blockBytes)
    var cells: [CSVRecords.Cell] = []
    var records: [[String]] = []
    while try reader.next(into: &cells) { records.append(cells.map { String(decoding: $0, as: UTF8.self) }) }
    return records
  }

  /// Every size of block cuts records at other places.
  @Test(arguments: [4, 5, 7, 16, 1 << 20])
  func recordsAreThoseOfRFC4180WhateverTheBlock(blockBytes: Int) throws {
    let cases: [(String, [[String]])] = [
      ("", []),
      ("\n", [[""]]),
      ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
      ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
      ("a,b\n1,2", [["a", "b"], ["1", "2"]]),
      ("a,b\r\n1,2\r", [["a", "b"], ["1", "2"]]),
      ("\u{FEFF}a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
      (",\n,,\n", [["", ""], ["", "", ""]]),
      ("a,b,\n", [["a", "b", ""]]),
      ("\"a,b\",\"c\"\n", [["a,b", "c"]]),
      ("\"say \"\"hi\"\"\",\"\"\"\"\n", [["say \"hi\"", "\""]]),
      ("\"two\nlines\",\"\"\r\nx,y", [["two\nlines", ""], ["x", "y"]]),
      ("5\"6,\"7\"\r\n", [["5\"6", "7"]]),
      ("é,日本\n\"\"", [["é", "日本"], [""]]),
      ("\"\"\"\"\"\",a\n\"b\"\"\"", [["\"\"", "a"], ["b\""]]),
    ]
    for (text, expected) in cases {
      let found = try Self.records(text, blockBytes: blockBytes)
      #expect(found == expected, "\(text.debugDescription)")
    }
  }

  @Test func randomCellsSurviveBeingQuoted() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for _ in 0..<200 {
      let width = Int.random(in: 2...5, using: &random)
      let records = (0..<Int.random(in: 1...20, using: &random)).map { _ in
        (0..<width).map { _ in
          String(
            (0..<Int.random(in: 0...6, using: &random)).map { _ in "ab,\n\"é".randomElement(using: &random)! }
          )
        }
      }
      let text = records.map { record in
        record.map {
          "\"" + $0.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        }
        .joined(separator: ",")
      }.joined(separator: "\r\n")
      let found = try Self.records(text, blockBytes: Int.random(in: 4...40, using: &random))
      #expect(found == records, "seed \(seed)")
    }
  }

  @Test func theLineOfARecordIsThatOfItsFirstByte() throws {
    let file = try TemporaryFile("a,b\n\"x\ny\n\",1\r\n\"\n\",2\nlast,3\n")
    var reader = try CSVRecords.open(path: file.path, blockBytes: 4)
    var cells: [CSVRecords.Cell] = []
    var lines: [Int] = []
    while try reader.next(into: &cells) { lines.append(reader.line) }
    #expect(lines == [1, 2, 5, 7])
  }

  @Test func brokenQuotationNamesTheLine() throws {
    for (text, line) in [("a\n\"b\nc\n", 2), ("a\n\"b\nc\"d\n", 3), ("\"a\" ,b\n", 1)] {
      let error = #expect(throws: DatasetError.self) { try Self.records(text, blockBytes: 4) }
      #expect(error?.line == line, "\(text.debugDescription)")
    }
  }
}
