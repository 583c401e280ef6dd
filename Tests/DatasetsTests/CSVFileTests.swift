import Datasets
import Foundation
import Testing

@Suite struct CSVFileTests {
  static func load(_ text: String, label: String = "y", task: CSVFile.Task = .auto) throws -> Dataset {
    let file = try TemporaryFile(text)
    return try CSVFile(path: file.path, label: label, task: task).load()
  }

  /// What the error of a file says, with the path left out.
  static func problem(_ text: String, label: String = "y", task: CSVFile.Task = .auto) throws -> String {
    let file = try TemporaryFile(text)
    do {
      _ = try CSVFile(path: file.path, label: label, task: task).load()
      return "no error"
    } catch {
      #expect(error.exitStatus == 2)
      #expect(error.description.hasPrefix(file.path))
      #expect(!error.description.contains("\n"))
      return String(error.description.dropFirst(file.path.count))
    }
  }

  @Test func featuresAreTheColumnsBesideTheLabel() throws {
    let dataset = try Self.load("\u{FEFF}a, y ,\"b\"\r\n1,2.5,-3e-1\r\n\"4\",5.5, 6 \r\n\r\n\r\n")
    #expect(dataset.featureNames == ["a", "b"])
    #expect(dataset.labelName == "y")
    #expect(dataset.features == [1, -0.3, 4, 6])
    #expect(dataset.labels == .values([2.5, 5.5]))
  }

  @Test func textLabelsAreClassesInTheOrderOfTheirBytes() throws {
    let dataset = try Self.load("x,y\n1,dog\n2,cat\n3,\"dog\"\n4, cow \n")
    #expect(dataset.labels == .classes([2, 0, 2, 1], names: ["cat", "cow", "dog"]))
  }

  @Test func fewWholeNumbersAreClassesInTheOrderOfTheirSize() throws {
    let dataset = try Self.load("x,y\n1,10\n2,9\n3,10.0\n4,-1\n")
    #expect(dataset.labels == .classes([2, 1, 2, 0], names: ["-1", "9", "10"]))
    let mixed = try Self.load("x,y\n1,10\n2,9\n3,none\n")
    #expect(mixed.labels == .classes([0, 1, 2], names: ["10", "9", "none"]))
  }

  /// Two spellings of one text in Unicode are one class, and which one came first does not matter.
  @Test func theSameTextIsTheSameClassHoweverItIsWritten() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    let rows = ["1,\(composed)", "2,\(decomposed)", "3,caff", "4,cafe"]
    for order in [rows, rows.reversed()] {
      let dataset = try Self.load("x,y\n" + order.joined(separator: "\n"))
      #expect(
        dataset.classNames?.map { Array($0.utf8) } == ["cafe", "caff", composed].map { Array($0.utf8) })
    }
  }

  /// Read as UTF-8, other encodings make one word of many.
  @Test(arguments: [
    ("x,y\n1,Z\u{E9}\n2,Z\u{E8}\n", ":2: column \"y\": \"Z\u{FFFD}\" is not UTF-8"),
    ("x,\u{E9},y\n1,2,3\n", ":1: \"\u{FFFD}\" is not UTF-8"),
  ]) func anotherEncodingIsAnError(latin1: String, expected: String) throws {
    let file = try TemporaryFile(latin1.unicodeScalars.map { UInt8($0.value) }, extension: "csv")
    let error = #expect(throws: DatasetError.self) { try CSVFile(path: file.path, label: "y").load() }
    #expect(
      error?.description == file.path + expected + "; convert the file, as with iconv -f latin1 -t utf-8")
  }

  /// From 2^53 on different whole numbers become the same double.
  @Test func longNumbersAreClassesAsTheyAreWritten() throws {
    let dataset = try Self.load("x,y\n1,9007199254740993\n2,9007199254740992\n3,7\n", task: .classification)
    #expect(dataset.labels == .classes([2, 1, 0], names: ["7", "9007199254740992", "9007199254740993"]))
  }

  @Test(arguments: [20, 21])
  func wholeNumbersOfMoreThanTwentyValuesAreValues(different: Int) throws {
    let text = "x,y\n" + (0..<100).map { "\($0),\($0 % different)\n" }.joined()
    #expect(try Self.load(text).classNames?.count == (different == 20 ? 20 : nil))
    #expect(try Self.load(text, task: .classification).classNames?.count == different)
    #expect(try Self.load(text, task: .regression).classNames == nil)
  }

  @Test func manyDifferentNumbersAreValues() throws {
    let text = "x,y\n" + (0..<12_000).map { "\($0),\(Double($0) / 4)\n" }.joined()
    let dataset = try Self.load(text)
    #expect(dataset.labels == .values((0..<12_000).map { Float($0) / 4 }))
    let problem = try Self.problem(text + "1,abc\n")
    #expect(problem == ":12002: column \"y\": expected a number, found \"abc\"; values are numbers")
    #expect(try Self.problem(text, task: .classification).contains("more than 10000 different classes"))
  }

  @Test(arguments: [
    ("", ": the file is empty; expected a header and rows"),
    ("x,y\n", ": the file has a header but no rows"),
    ("x,y\n\n\n", ": the file has a header but no rows"),
    ("x,y\n1,0\n1\n", ":3: expected 2 cells as in the header, found 1"),
    ("x,y\n1,0\n1,2,3\n", ":3: expected 2 cells as in the header, found 3"),
    ("x,y\n1,0\n\n2,1\n", ":3: the line is empty, but others follow; remove it"),
    (
      "x,y\n1,0\nabc,1\n",
      ":3: column \"x\": expected a number, found \"abc\"; features are numbers: name the column as categorical or remove it"
    ),
    (
      "x,z,y\n1,\"2\n3\",0\n",
      ":2: column \"z\": expected a number, found \"2\\n3\"; features are numbers: name the column as categorical or remove it"
    ),
    ("x,y\n,0\n", ":2: column \"x\": expected a number, found an empty cell; fill it in or remove the row"),
    (
      "x,y\n1,0\nnan,0\n",
      ":3: column \"x\": expected a finite number, found \"nan\"; replace it or remove the row"
    ),
    ("x,y\n1e99,0\n", ":2: column \"x\": \"1e99\" is too large for a 32-bit float"),
    ("x,y\n1,inf\n", ":2: column \"y\": expected a finite 32-bit float, found \"inf\""),
    ("x,y\n1,a\n2,\n", ":3: column \"y\": the label is missing; fill it in or remove the row"),
    ("x,y\n1,0\n2,0\n", ": column \"y\": every row has the label \"0\"; classes are at least two"),
    ("x,Y\n1,0\n", ":1: no column is named \"y\", the label; did you mean \"Y\"?"),
    ("alpha,beta\n1,0\n", ":1: no column is named \"y\", the label; the columns are alpha, beta"),
    (
      "x;y\n1;0\n",
      ":1: no column is named \"y\", the label; the header has no comma but \";\": cells are separated by commas"
    ),
    ("x,y,x\n1,0,2\n", ":1: column \"x\": columns 1 and 3 have this name; rename one"),
    ("x,,y\n1,0,2\n", ":1: column 2 of 3 has no name; the first line must name every column"),
    ("y\n1\n", ":1: column \"y\": there is no column beside the label"),
  ])
  func aFileThatIsWrongGetsOneLine(text: String, expected: String) throws {
    #expect(try Self.problem(text) == expected)
  }

  @Test func regressionRefusesText() throws {
    let problem = try Self.problem("x,y\n1,0\n2,a\n", task: .regression)
    #expect(problem == ":3: column \"y\": expected a number, found \"a\"; values are numbers")
  }

  @Test func aMissingFileAndADirectoryAreNamed() throws {
    let missing = #expect(throws: DatasetError.self) { try CSVFile(path: "/no/such.csv", label: "y").load() }
    #expect(missing?.description == "/no/such.csv: the file cannot be opened: No such file or directory")
    let folder = #expect(throws: DatasetError.self) { try CSVFile(path: "/tmp", label: "y").load() }
    #expect(folder?.description == "/tmp: the file cannot be read: Is a directory")
  }

  @Test func utf16IsNamed() throws {
    let file = try TemporaryFile("")
    try Data([0xFF, 0xFE, 0x78, 0x00]).write(to: URL(filePath: file.path))
    let error = #expect(throws: DatasetError.self) { try CSVFile(path: file.path, label: "y").load() }
    #expect(error?.problem == "the file is in UTF-16; save it as UTF-8")
  }
}

@Suite struct CSVTestFileTests {
  static func load(_ train: String, _ test: String) throws -> DatasetSplit {
    let trainFile = try TemporaryFile(train)
    let testFile = try TemporaryFile(test)
    return try CSVFile(path: trainFile.path, label: "y").load(testPath: testFile.path)
  }

  @Test func columnsMayStandInAnotherOrder() throws {
    let split = try Self.load("a,b,y\n1,2,u\n3,4,v\n", "y,b,a\nv,20,10\n")
    #expect(split.test.features == [10, 20])
    #expect(split.test.labels == .classes([1], names: ["u", "v"]))
    #expect(split.test.featureNames == ["a", "b"])
  }

  @Test func numbersAreTheSameClassHoweverTheyAreWritten() throws {
    let split = try Self.load("a,y\n1,0\n2,1\n", "a,y\n1,1.0\n2,0e0\n3,+1\n")
    #expect(split.test.labels == .classes([1, 0, 1], names: ["0", "1"]))
  }

  @Test func valuesOfTheTestFileNeedNotBeMany() throws {
    let split = try Self.load("a,y\n1,0.5\n2,1\n", "a,y\n1,1\n")
    #expect(split.test.labels == .values([1]))
  }

  @Test(arguments: [
    (
      "a,y\n1,foxx\n",
      ":2: column \"y\": no row of the training file has the class \"foxx\"; did you mean \"fox\"?"
    ),
    ("ab,y\n1,hen\n", ":1: the training file has a column \"a\", this file has none"),
    ("a,y,c\n1,hen,2\n", ":1: column \"c\": the training file has no such column"),
  ])
  func aTestFileThatDoesNotFitIsRefused(test: String, expected: String) throws {
    let error = #expect(throws: DatasetError.self) { try Self.load("a,y\n1,fox\n2,hen\n", test) }
    #expect(error.map { String($0.description.dropFirst($0.path.count)) } == expected)
  }
}
