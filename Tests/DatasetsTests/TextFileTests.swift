import Datasets
import Testing

@Suite struct TextFileTests {
  @Test func theEndOfTheTextIsTheTestPart() throws {
    let text = String(repeating: "In the beginning, é. ", count: 50)
    let bytes = text.utf8.map { Int32($0) }
    let file = try TemporaryFile(text, extension: "txt")
    let split = try TextFile(path: file.path, context: 10).load(testFraction: 0.25)
    let cut = bytes.count - bytes.count / 4
    #expect(split.train.count == (cut - 1) / 10)
    #expect(split.test.count == (bytes.count / 4 - 1) / 10)
    #expect(split.train.gatheredCodes([0]) == Array(bytes.prefix(10)))
    #expect(split.test.gatheredCodes([0]) == Array(bytes[cut..<cut + 10]))
    #expect(split.test.gatheredNextTokens([0]) == Array(bytes[cut + 1...cut + 10]))
    // The last label of the training part is before the first byte of the test part.
    let last = split.train.count - 1
    #expect(split.train.gatheredNextTokens([last]).last == bytes[(last + 1) * 10])
    #expect((last + 1) * 10 < cut)
    #expect(split.train.codes?.vocabularies == [.bytes])
  }

  @Test func withoutATestPartAllBytesAreTrainingBytes() throws {
    let file = try TemporaryFile("abcdefg", extension: "txt")
    let split = try TextFile(path: file.path, context: 2).load(testFraction: 0)
    #expect(split.train.count == 3)
    #expect(split.test.count == 0)
    let other = try TemporaryFile("xyz", extension: "txt")
    let files = try TextFile(path: file.path, context: 2, stride: 1).load(testPath: other.path)
    #expect(files.train.count == 5)
    #expect(files.test.gatheredNextTokens([0]) == Array("yz".utf8).map { Int32($0) })
  }

  @Test(arguments: [
    ("abc", 3, 0.0, "the training part has 3 bytes, and a sample takes 3 and the one after them"),
    ("", 1, 0.0, "the training part has 0 bytes, and a sample takes 1 and the one after them"),
    ("abcdefghij", 4, 0.2, "the test part has 2 bytes, and a sample takes 4 and the one after them"),
  ])
  func aTextThatIsTooShortIsNamed(text: String, context: Int, fraction: Double, expected: String) throws {
    let file = try TemporaryFile(text, extension: "txt")
    let error = #expect(throws: DatasetError.self) {
      try TextFile(path: file.path, context: context).load(testFraction: fraction)
    }
    #expect(error?.problem == expected + "; choose a smaller context or a longer text")
  }
}
