import Foundation
import Testing

@testable import Datasets

/// Samples without labels, as text.
@Suite struct SampleStreamTests {
  private static let table =
    "a,city,b,y\n1.25,Rome,3,no\n-2,\"Bern, CH\",1e3,yes\n7,Oslo,0.1,no\n0.3,Rome,5,yes\n"

  private func table() throws -> DatasetSplit {
    let file = try TemporaryFile(Self.table)
    return try CSVFile(path: file.path, label: "y", categorical: ["city"]).load().split { $0 == 2 }
      .standardized()
  }

  private func all(_ stream: any SampleStream) throws -> [SampleFeatures] {
    var samples: [SampleFeatures] = []
    var sample = SampleFeatures()
    while try stream.next(into: &sample, waits: true) { samples.append(sample) }
    return samples
  }

  private func csv(_ text: String, _ split: DatasetSplit, truncates: Bool = false) throws -> [SampleFeatures]
  {
    let file = try TemporaryFile(text)
    return try all(
      try CSVSamples(path: file.path, preprocessing: Preprocessing(of: split), truncates: truncates))
  }

  private func json(_ text: String, _ split: DatasetSplit, truncates: Bool = false) throws -> [SampleFeatures]
  {
    let file = try TemporaryFile(text, extension: "jsonl")
    return try all(
      try JSONSamples(path: file.path, preprocessing: Preprocessing(of: split), truncates: truncates))
  }

  /// What the error says, with the path left out.
  private func problem(_ text: String, _ split: DatasetSplit, isJSON: Bool = false) throws -> String {
    do {
      _ = try isJSON ? json(text, split) : csv(text, split)
      return "no error"
    } catch let error as DatasetError {
      #expect(!error.description.contains("\n"))
      return error.description.replacing(error.path, with: "")
    }
  }

  @Test func rowsAreReadAsTrainingReadThem() throws {
    let split = try table()
    let samples = try csv(Self.table, split)
    #expect(samples.count == 4)
    // The third row was held out.
    for (index, part, row) in [
      (0, split.train, 0), (1, split.train, 1), (2, split.test, 0), (3, split.train, 2),
    ] {
      var numbers = [Float](repeating: 0, count: 2)
      var codes = [Int32](repeating: 0, count: 1)
      var span = numbers.mutableSpan
      part.gather([row].span, into: &span)
      var codeSpan = codes.mutableSpan
      part.gather([row].span, into: &codeSpan)
      #expect(samples[index].numbers == numbers && samples[index].codes == codes, "row \(index)")
    }
  }

  /// Both formats read a cell and a value alike.
  @Test func linesOfJSONAreReadAsATableIs() throws {
    let file = try TemporaryFile(
      "a,kind,y\n1,1.0,0\n2,b c,1\n3,17,1\n4,2,0\n5,2.0,0\n6,2.50,1\n7,1e3,0\n8,12345678901234567890,0\n")
    let split = try CSVFile(path: file.path, label: "y", categorical: ["kind"]).load()
      .split(testFraction: 0, seed: 1)
    let table = try csv(
      "a,kind\n1e-50, b c\n-1e-40,1.0\n0.1,17\n3, \n3,18\n3,2\n3,2.0\n3,2.50\n3,1e3\n3,12345678901234567890\n",
      split)
    let objects = [
      #"{"a": 1e-50, "kind": " b c\t"}"#, #"{"a": -1e-40, "kind": 1}"#, #"{"a": 0.1, "kind": 17.0}"#,
      #"{"a": 3, "kind": null}"#, #"{"a": 3, "kind": 18}"#, #"{"x": {"kind": [1, "}"]}, "a": 3, "kind": 2 }"#,
      #"{"a\u0061": "\"kind\": 7", "kind":2.0,"a": 3}"#, #"{"a":3,"kind":2.50}"#,
      #" { "a" : 3 , "k\u0069nd" : 1e3 } "#,
      #"{"a":3,"kind":12345678901234567890,"b":[]}"#,
    ]
    #expect(try json(objects.joined(separator: "\n"), split) == table)
    #expect(table[5] != table[6])
    #expect(try json("\u{FEFF}" + #"{"a": 3, "kind": 2.50}"#, split) == [table[7]])
    #expect(
      try problem(#"{"a": 0.1, "kind": true}"#, split, isJSON: true)
        == #":1: "kind": expected a word, found true"#)
    #expect(
      try problem(#"{"a": 1e39, "kind": 2}"#, split, isJSON: true).contains("expected a finite number"))
  }

  @Test func numbersInAnArrayMayBeTooSmallForAFloat() throws {
    let digits = Digits.split()
    let pixels = (0..<64).map { $0 == 5 ? "1e-50" : "0.\($0)" }
    let samples = try json("{\"features\": [\(pixels.joined(separator: ", "))]}", digits)
    #expect(samples[0].numbers == pixels.map { Float($0) ?? .nan })
  }

  /// Quotation marks with nothing in them are a cell; a line with nothing at all is none.
  @Test func aRowOfOneQuotedEmptyCellIsARow() throws {
    let file = try TemporaryFile("c,y\na,0\nb,1\n")
    let split = try CSVFile(path: file.path, label: "y", categorical: ["c"]).load().split(
      testFraction: 0, seed: 1)
    let samples = try csv("c\na\n\"\"\nb\r\n\"\"\r\n\n\r\n", split)
    #expect(samples.map(\.codes) == [[1], [0], [2], [0]])
    #expect(try csv("c\n\"\"", split).count == 1)
    #expect(try problem("c\n\na\n", split) == ":2: the line is empty, but others follow; remove it")
  }

  @Test func wordsOfATableAreUTF8() throws {
    let file = try TemporaryFile(
      "city,a,b\nZ\u{FC}rich,1,2\n".unicodeScalars.map { UInt8($0.value) }, extension: "csv")
    let samples = try CSVSamples(path: file.path, preprocessing: Preprocessing(of: table()))
    var sample = SampleFeatures()
    let error = #expect(throws: DatasetError.self) { try samples.next(into: &sample, waits: true) }
    #expect(error?.line == 2 && error?.column == "city")
    #expect(error?.problem == "\"Z\u{FFFD}rich\" is not UTF-8")
  }

  @Test func columnsAreFoundByNameAndOthersAreLeftOut() throws {
    let split = try table()
    let samples = try csv("id,b,note,city,a\n9,3,\"x\ny\",Rome,1.25\n8,5,,Paris,0.3\n", split)
    #expect(samples[0] == (try csv(Self.table, split))[0])
    #expect(samples[1].codes == [0], "a word that training has not seen")
  }

  @Test func anObjectIsReadAsARow() throws {
    let split = try table()
    let rows = try csv(Self.table, split)
    let objects = try json(
      """
      {"a": 1.25, "b": 3, "city": "Rome", "more": [1, {"x": null}]}
      {"city":"Bern, CH","b":1000.0,"a":-2}\r
      {"a":7,"b":0.1,"city":null}
      """, split)
    #expect(objects[0] == rows[0] && objects[1] == rows[1])
    #expect(objects[2].numbers == rows[2].numbers && objects[2].codes == [0])
  }

  @Test func digitsOfANumberAreAWord() throws {
    let file = try TemporaryFile("zip,y\n101,0\n202,1\n")
    let split = try CSVFile(path: file.path, label: "y", categorical: ["zip"]).load().split { _ in false }
    let samples = try json("{\"zip\": 202}\n{\"zip\": \"202\"}\n{\"zip\": 7}\n", split)
    #expect(samples.map(\.codes) == [[2], [2], [0]])
  }

  @Test func numbersMayComeAsOneArray() throws {
    let digits = Digits.split()
    let features = Array(digits.train.features[..<64])
    let rows = stride(from: 0, to: 64, by: 8).map { Array(features[$0..<$0 + 8]) }
    let samples = try json("{\"features\": \(features)}\n{\"features\": \(rows)}\n", digits)
    #expect(samples.map(\.numbers) == [features, features])
  }

  @Test func sequencesAreCodedAndPadded() throws {
    let file = try TemporaryFile("x\tACGTA\ny\tGG\n", extension: "tsv")
    let split = try SequenceFile(path: file.path, alphabet: .nucleotides).load().split { _ in false }
    let samples = try json("{\"sequence\": \"acg\"}\n", split) + csv("sequence\nNT\n", split)
    #expect(samples.map(\.codes) == [[1, 2, 3, 0, 0], [5, 4, 0, 0, 0]])
    #expect(samples.map(\.length) == [3, 2])
    #expect(try csv("sequence\nACGTACGT\n", split, truncates: true)[0].codes == [1, 2, 3, 4, 1])
    #expect(
      try problem("sequence\nACGTACGT\n", split)
        == ":2: column \"sequence\": the sequence has 8 letters, and the model takes 5")
    #expect(
      try problem("{\"sequence\": \"AX\"}", split, isJSON: true).hasPrefix(":1: \"sequence\": letter 2"))
  }

  @Test(arguments: [
    ("a,city\n1,Rome\n", ":1: the model takes a column \"b\", and there is none"),
    (
      "a,cty,b\n1,Rome,2\n", ":1: the model takes a column \"city\", and there is none; did you mean \"cty\"?"
    ),
    ("a,city,b,a\n", ":1: column \"a\": two columns have this name"),
    ("", ": there is nothing; expected a header and rows"),
    ("a,city,b\n1,x,2\n1,x\n", ":3: expected 3 cells as in the header, found 2"),
    ("a,city,b\n1,x,two\n", ":2: column \"b\": expected a number, found \"two\""),
    ("a,city,b\n1,x,\n", ":2: column \"b\": expected a number, found an empty cell"),
    ("a,city,b\n1,x,nan\n", ":2: column \"b\": expected a finite number, found \"nan\""),
    (
      "a,city,b\n1,x,1e99\n",
      ":2: column \"b\": expected a number that a 32-bit float can hold, found \"1e99\""
    ),
    ("a,city,b\n1,x,2\n\n1,x,2\n", ":3: the line is empty, but others follow; remove it"),
    ("a,city,b\n1,x,2\n\n\n", "no error"),
  ])
  func aRowThatIsWrongIsNamed(text: String, expected: String) throws {
    #expect(try problem(text, try table()) == expected)
  }

  private static let example = "expected an object such as {\"a\": 0.5, ...}"

  @Test(arguments: [
    ("{\"a\":1,\"b\":2}", ":1: the model takes \"city\", and the object has none"),
    (
      "{\"a\":1,\"b\":2,\"citi\":\"x\"}",
      ":1: the model takes \"city\", and the object has none; did you mean \"citi\"?"
    ),
    ("{\"a\":\"1\",\"b\":2,\"city\":\"x\"}", ":1: \"a\": expected a finite number, found \"1\""),
    ("{\"a\":null,\"b\":2,\"city\":\"x\"}", ":1: \"a\": expected a finite number, found null"),
    ("{\"a\":[1],\"b\":2,\"city\":\"x\"}", ":1: \"a\": expected a finite number, found something else"),
    ("{\"a\":1e99,\"b\":2,\"city\":\"x\"}", ":1: \"a\": expected a finite number, found 1e+99"),
    ("{\"a\":1,\"b\":2,\"city\":true}", ":1: \"city\": expected a word, found true"),
    ("{\"a\":1,\"b\":2,\"city\":\"x\"}\n[]", ":2: the line is no object; \(example)"),
    ("{\"a\":1,", ":1: the line is no JSON; \(example)"),
    ("a,b", ":1: the line is no JSON; \(example)"),
    (
      "{\"a\":1,\"b\":2,\"city\":\"x\"}\n \n{\"a\":1,\"b\":2,\"city\":\"x\"}",
      ":2: the line is empty, but others follow; remove it"
    ),
    ("{\"a\":1,\"b\":2,\"city\":\"x\"}\n\n\n", "no error"),
  ])
  func anObjectThatIsWrongIsNamed(text: String, expected: String) throws {
    #expect(try problem(text, try table(), isJSON: true) == expected)
  }

  @Test func anArrayOfTheWrongLengthIsNamed() throws {
    let digits = Digits.split()
    for text in ["{\"features\": [1, 2]}", "{\"features\": [1, \"a\"]}", "{\"features\": 1}"] {
      #expect(try problem(text, digits, isJSON: true).hasPrefix(":1: \"features\": expected "))
    }
    #expect(
      try problem("{\"feature\": []}", digits, isJSON: true)
        == ":1: the model takes \"features\", and the object has none; did you mean \"feature\"?")
  }

  @Test func imagesWithoutNamesAreNoTable() throws {
    let pixels = NumberRows(pixels: [0, 255, 3, 4], shape: [2, 1, 1])
    let images = Dataset(numbers: pixels, labels: .classes([0, 1], names: ["a", "b"]), labelName: "label")
    #expect(
      try problem("a,b\n", images.split { _ in false }).contains("lines of JSON with an array \"features\""))
  }

  /// What is there is handed out without waiting for what is not, though it may lie in quotation marks.
  @Test func aRecordWaitsForNothingThatFollowsIt() throws {
    let path = FileManager.default.temporaryDirectory.path + "/rondo-\(UUID().uuidString)"
    #expect(mkfifo(path, 0o600) == 0)
    defer { unlink(path) }
    // Both ends in one process: each read below must be served by what was written before, or it would never return.
    let writer = open(path, O_RDWR)
    defer { close(writer) }
    func write(_ text: String) { #expect(Glibc.write(writer, text, text.utf8.count) == text.utf8.count) }
    let split = try table()
    write("b,a,city\n")
    let stream = try CSVSamples(path: path, preprocessing: Preprocessing(of: split))
    var sample = SampleFeatures()
    for line in ["3,1.25,Rome\n", "3,1.25,\"Rome\"\n", "\"3\",1.25,\"Rome\"\r\n"] {
      #expect(try !stream.next(into: &sample, waits: false))
      write(line)
      #expect(try stream.next(into: &sample, waits: true))
      #expect(sample == (try csv(Self.table, split))[0])
    }
    write("3,1,Rome\n4,1,Rome\n5,1,Ro")
    #expect(try stream.next(into: &sample, waits: true))
    #expect(try stream.next(into: &sample, waits: false))
    #expect(try !stream.next(into: &sample, waits: false), "the third is not there as a whole")
    write("me\n{\"a\": ")
    #expect(try stream.next(into: &sample, waits: true))
  }

  @Test func linesOfAnyLengthEndWithLineFeedsOrTheFile() throws {
    let long = String(repeating: "x", count: 200_000)
    let file = try TemporaryFile("a\r\n\n\(long)\nb", extension: "txt")
    var reader = try LineReader(path: file.path)
    var lines: [String] = []
    while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    #expect(lines == ["a", "", long, "b"])
    #expect(reader.line == 4)
  }
}
