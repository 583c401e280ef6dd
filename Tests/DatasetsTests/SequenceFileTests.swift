import Datasets
import Testing

@Suite struct SequenceFileTests {
  static func load(
    _ text: String, extension: String = "tsv", alphabet: SequenceAlphabet = .nucleotides,
    label: String? = nil,
    length: Int? = nil, truncates: Bool = false
  ) throws -> Dataset {
    let file = try TemporaryFile(text, extension: `extension`)
    return try SequenceFile(
      path: file.path, alphabet: alphabet, label: label, length: length, truncates: truncates
    ).load()
  }

  @Test func nucleotidesHaveFiveCodesAndPadding() throws {
    let dataset = try Self.load("yes\tACGTU\nno\tacgn\nyes\tR\n")
    #expect(dataset.sampleShape == [5])
    #expect(dataset.gatheredCodes([0, 1, 2]) == [1, 2, 3, 4, 4, 1, 2, 3, 5, 0, 5, 0, 0, 0, 0])
    #expect(dataset.codes?.lengths == [5, 4, 1])
    #expect(dataset.labels == .classes([1, 0, 1], names: ["no", "yes"]))
    #expect(dataset.codes?.vocabularies.map(\.count) == [6])
  }

  @Test func bytesAreTheirOwnCodes() throws {
    let dataset = try Self.load("0\t\"a, é\n1\tb\r\n", alphabet: .bytes)
    let expected: [UInt8] = Array("\"a, é".utf8) + [UInt8(ascii: "b"), 0, 0, 0, 0, 0]
    #expect(dataset.gatheredCodes([0, 1]) == expected.map { Int32($0) })
    #expect(dataset.gatheredLengths([0, 1]) == [6, 1])
  }

  @Test func aHeaderNamesTheColumnsAndOthersAreLeftOut() throws {
    let dataset = try Self.load(
      "id,sequence,activity\nx1,\"ACG\",0.5\nx2,T,1.25\n", extension: "csv", label: "activity", length: 4)
    #expect(dataset.gatheredCodes([0, 1]) == [1, 2, 3, 0, 4, 0, 0, 0])
    #expect(dataset.labels == .values([0.5, 1.25]))
    #expect(dataset.labelName == "activity")
  }

  @Test func longerSequencesAreCutOffOnlyWhenAsked() throws {
    let dataset = try Self.load("0\tACGT\n1\tA\n", length: 2, truncates: true)
    #expect(dataset.gatheredCodes([0, 1]) == [1, 2, 1, 0])
    #expect(dataset.codes?.lengths == [2, 1])
  }

  @Test func aTestFileIsPaddedAsTheTrainingFile() throws {
    let train = try TemporaryFile("b\tACG\na\tA\n", extension: "tsv")
    let test = try TemporaryFile("a\tTT\n", extension: "tsv")
    let file = SequenceFile(path: train.path, alphabet: .nucleotides)
    let split = try file.load(testPath: test.path)
    #expect(split.test.gatheredCodes([0]) == [4, 4, 0])
    #expect(split.test.labels == .classes([0], names: ["a", "b"]))
    let longer = try TemporaryFile("a\tTTTT\n", extension: "tsv")
    let error = #expect(throws: DatasetError.self) { try file.load(testPath: longer.path) }
    #expect(error?.path == longer.path)
    #expect(error?.line == 1)
  }

  @Test(arguments: [
    ("", nil, ": the file has no sequences; expected a label and a sequence a line"),
    ("", "label", ": the file is empty; expected a header and lines"),
    ("label\tsequence\n", "label", ": the file has no sequences; expected a label and a sequence a line"),
    ("0\tAC\n1 AC\n", nil, ":2: expected a label, a tab and a sequence, found 1 cell"),
    ("0\tAC\n1\tA\tC\n", nil, ":2: expected a label, a tab and a sequence, found 3 cells"),
    ("id\tlabel\tsequence\n1\t0\n", "label", ":2: expected 3 cells as in the header, found 2 cells"),
    ("0\tAC\n\n1\tA\n", nil, ":2: the line is empty, but others follow; remove it"),
    ("0\tAC\n1\t\n", nil, ":2: the sequence is empty; remove the line"),
    ("0\tAC\n\tAC\n", nil, ":2: column \"label\": the label is missing; fill it in or remove the row"),
    (
      "0\tAC\n1\tAXC\n", nil,
      ":2: letter 2 of the sequence is \"X\", expected a nucleotide (A, C, G, T, U, or a letter for several of them, such as N)"
    ),
    (
      "0\tACGTACGTA\n1\tA\n", nil,
      ":1: the sequence has 9 letters, and the length is 8; raise it, or have longer sequences cut off"
    ),
    (
      "class\tsequence\n0\tA\n", "clas", ":1: no column is named \"clas\", the label; did you mean \"class\"?"
    ),
    ("y\tdna\n0\tA\n", "y", ":1: no column is named \"sequence\", the sequence; the columns are y, dna"),
  ])
  func aFileThatIsWrongGetsOneLine(text: String, label: String?, expected: String) throws {
    let file = try TemporaryFile(text, extension: "tsv")
    let error = #expect(throws: DatasetError.self) {
      try SequenceFile(path: file.path, alphabet: .nucleotides, label: label, length: 8).load()
    }
    #expect(error.map { String($0.description.dropFirst(file.path.count)) } == expected)
  }

  /// `printf 'b\tAC\na\tG\n' | gzip -9n`
  static let packed: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4B, 0xE2, 0x74, 0x74, 0xE6, 0x4A, 0xE4,
    0x74, 0xE7, 0x02, 0x00, 0x3C, 0x23, 0x75, 0x79, 0x09, 0x00, 0x00, 0x00,
  ]

  @Test func packedFilesAreRead() throws {
    let file = try TemporaryFile(Self.packed, extension: "tsv.gz")
    let dataset = try SequenceFile(path: file.path, alphabet: .nucleotides).load()
    #expect(dataset.gatheredCodes([0, 1]) == [1, 2, 3, 0])
    #expect(dataset.labels == .classes([1, 0], names: ["a", "b"]))
  }

  @Test func byteZeroIsPaddingAndNoLetter() throws {
    let error = #expect(throws: DatasetError.self) { try Self.load("0\ta\u{0}b\n", alphabet: .bytes) }
    #expect(
      error?.problem == "letter 2 of the sequence is \"\\0\", expected any byte but 0, which is padding")
  }
}
