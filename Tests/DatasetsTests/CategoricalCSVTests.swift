import Datasets
import Testing

@Suite struct CategoricalCSVTests {
  static let text = """
    amount,shop,y,land,hour
    1.5,book,good,DE,3
    2.5,,bad,FR,4
    3.5,"air, sea",good, DE ,5
    4.5,book,bad,AT,6

    """

  static func load(
    _ text: String = text, categorical: [String] = ["land", "shop"]
  ) throws -> Dataset {
    let file = try TemporaryFile(text)
    return try CSVFile(path: file.path, label: "y", categorical: categorical).load()
  }

  @Test func namedColumnsBecomeCodesInTheOrderOfTheirWords() throws {
    let dataset = try Self.load()
    #expect(dataset.featureNames == ["amount", "hour"])
    #expect(dataset.features == [1.5, 3, 2.5, 4, 3.5, 5, 4.5, 6])
    #expect(
      dataset.codes?.vocabularies == [
        .categories(column: "shop", words: ["air, sea", "book"]),
        .categories(column: "land", words: ["AT", "DE", "FR"]),
      ])
    // An empty cell is code 0.
    #expect(dataset.gatheredCodes([0, 1, 2, 3]) == [2, 2, 0, 3, 1, 2, 2, 1])
    #expect(dataset.labels == .classes([1, 0, 1, 0], names: ["bad", "good"]))
  }

  @Test func theSameTextIsTheSameCategoryHoweverItIsWritten() throws {
    let dataset = try Self.load(
      "shop,y\nzu\u{308}rich,0\nbook,1\nz\u{FC}rich,1\n", categorical: ["shop"])
    #expect(dataset.gatheredCodes([0, 1, 2]) == [2, 1, 2])
    guard case .categories(_, let words) = dataset.codes?.vocabularies.first else {
      Issue.record("no categories")
      return
    }
    #expect(words.map { Array($0.utf8) } == ["book", "z\u{FC}rich"].map { Array($0.utf8) })
  }

  @Test func anotherEncodingIsAnError() throws {
    let file = try TemporaryFile(
      "shop,y\nbook,0\nZ\u{FC}rich,1\n".unicodeScalars.map { UInt8($0.value) }, extension: "csv")
    let error = #expect(throws: DatasetError.self) {
      try CSVFile(path: file.path, label: "y", categorical: ["shop"]).load()
    }
    #expect(error?.line == 3 && error?.column == "shop" && error?.problem.contains("not UTF-8") == true)
  }

  @Test func allFeaturesMayBeCategories() throws {
    let dataset = try Self.load("shop,y\na,0\nb,1\n", categorical: ["shop"])
    #expect(dataset.numbers == nil)
    #expect(dataset.sampleShape == [1])
    #expect(dataset.gatheredCodes([1, 0]) == [2, 1])
    #expect(dataset.split(testFraction: 0, seed: 1).standardized().train == dataset)
  }

  @Test func theOrderOfRowsDoesNotMatter() throws {
    let lines = Self.text.split(separator: "\n")
    let turned = try Self.load(([lines[0]] + lines.dropFirst().reversed()).joined(separator: "\n"))
    #expect(turned.codes?.vocabularies == (try Self.load()).codes?.vocabularies)
    #expect(turned.gatheredCodes([3, 2, 1, 0]) == (try Self.load()).gatheredCodes([0, 1, 2, 3]))
  }

  @Test func wordsThatOnlyATestFileHasAreUnknown() throws {
    let train = try TemporaryFile(Self.text)
    let test = try TemporaryFile("land,y,hour,shop,amount\nCH,good,1,book,2\nFR,bad,1,toys,2\n")
    let split = try CSVFile(path: train.path, label: "y", categorical: ["shop", "land"]).load(
      testPath: test.path)
    #expect(split.test.gatheredCodes([0, 1]) == [2, 0, 0, 3])
    #expect(split.test.features == [2, 1, 2, 1])
    #expect(split.train.codes?.vocabularies == split.test.codes?.vocabularies)
  }

  @Test(arguments: [
    (["shopp"], ":1: no column is named \"shopp\", a categorical one; did you mean \"shop\"?"),
    (["y"], ":1: column \"y\": the label cannot be a categorical feature as well"),
    (
      ["shop"],
      ":2: column \"land\": expected a number, found \"DE\"; features are numbers: name the column as categorical or remove it"
    ),
  ])
  func aNameThatIsWrongGetsOneLine(categorical: [String], expected: String) throws {
    let file = try TemporaryFile(Self.text)
    let error = #expect(throws: DatasetError.self) {
      try CSVFile(path: file.path, label: "y", categorical: categorical).load()
    }
    #expect(error.map { String($0.description.dropFirst(file.path.count)) } == expected)
  }
}
