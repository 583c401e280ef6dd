/// Labelled sequences of letters, one a line: nucleotides or any bytes.
///
/// A line is `label<TAB>sequence`; with a header that names the columns, others may stand beside these two and are left out. Cells
/// of a file whose name ends in `.csv` or `.csv.gz` are separated by commas and may be quoted (RFC 4180); those of any other file by tabs.
public struct SequenceFile: Sendable, Equatable {
  public var path: String
  public var alphabet: SequenceAlphabet
  /// The name of the column of labels; nil for a file without a header.
  public var label: String?
  /// The name of the column of sequences, in a file with a header.
  public var sequence: String
  /// What each sequence is padded to; nil for the longest sequence of the file.
  public var length: Int?
  /// Whether what is beyond `length` is cut off; else a longer sequence is an error.
  public var truncates: Bool
  public var task: CSVFile.Task

  /// - Precondition: `length` is at least 1.
  public init(
    path: String, alphabet: SequenceAlphabet, label: String? = nil, sequence: String = "sequence",
    length: Int? = nil, truncates: Bool = false, task: CSVFile.Task = .auto
  ) {
    precondition(length ?? 1 >= 1, "SequenceFile: expected a length of at least 1")
    self.path = path
    self.alphabet = alphabet
    self.label = label
    self.sequence = sequence
    self.length = length
    self.truncates = truncates
    self.task = task
  }

  /// Reads the whole file.
  public func load() throws(DatasetError) -> Dataset {
    let table = try SequenceTable(self)
    return try table.dataset(length: length ?? table.longest, matching: nil)
  }

  /// Reads the whole file and one of held-out samples, with the same columns, no class that this file has not, and no sequence that is
  /// longer than this file's, unless what is longer is cut off.
  public func load(testPath: String) throws(DatasetError) -> DatasetSplit {
    let train = try load()
    var test = self
    test.path = testPath
    return DatasetSplit(train: train, test: try test.load(matching: train))
  }

  /// Reads the whole file for a model that was trained on others: length, task and classes are those of `template`.
  ///
  /// - Parameter template: of sequences; its samples do not matter.
  public func load(matching template: Dataset) throws(DatasetError) -> Dataset {
    let length = template.sampleShape[0]
    var file = self
    file.length = length
    file.task = template.classNames == nil ? .regression : .classification
    return try SequenceTable(file).dataset(length: length, matching: template.labels)
  }
}

/// A file as read, with its labels still undecided.
private struct SequenceTable {
  private(set) var longest = 0
  private let file: SequenceFile
  private let letters: [UInt8]
  private var codes: [UInt8] = []
  private var lengths: [Int32] = []
  private var labels: LabelColumn

  init(_ file: SequenceFile) throws(DatasetError) {
    self.file = file
    letters = file.alphabet.codes
    labels = LabelColumn(name: file.label ?? "label", path: file.path, task: file.task)
    let isTabSeparated = !file.path.hasSuffix(".csv") && !file.path.hasSuffix(".csv.gz")
    var records = try CSVRecords.open(path: file.path, isTabSeparated: isTabSeparated)
    var cells: [CSVRecords.Cell] = []
    var columns = (label: 0, sequence: 1, count: 2)
    if let label = file.label {
      guard try records.next(into: &cells) else {
        throw DatasetError("the file is empty; expected a header and lines", path: file.path)
      }
      columns = try Self.columns(of: cells, label: label, sequence: file.sequence, path: file.path)
    }
    while try records.nextRow(into: &cells) {
      guard cells.count == columns.count else {
        let expected =
          file.label == nil
          ? "a label, a \(isTabSeparated ? "tab" : "comma") and a sequence"
          : "\(columns.count) cells as in the header"
        throw DatasetError(
          "expected \(expected), found \(cells.count) cell\(cells.count == 1 ? "" : "s")", path: file.path,
          line: records.line)
      }
      try labels.append(cells[columns.label], line: records.line)
      try append(cells[columns.sequence], line: records.line)
    }
    if lengths.isEmpty {
      throw DatasetError("the file has no sequences; expected a label and a sequence a line", path: file.path)
    }
  }

  func dataset(length: Int, matching model: Dataset.Labels?) throws(DatasetError) -> Dataset {
    Dataset(
      codes: CodeRows(
        sequences: codes, lengths: lengths, length: length, vocabulary: file.alphabet.vocabulary),
      labels: try labels.labels(matching: model), labelName: file.label ?? "label")
  }

  private mutating func append(_ cell: CSVRecords.Cell, line: Int) throws(DatasetError) {
    if cell.isEmpty {
      throw DatasetError("the sequence is empty; remove the line", path: file.path, line: line)
    }
    var count = cell.count
    if let length = file.length, count > length {
      guard file.truncates else {
        throw DatasetError(
          "the sequence has \(count) letters, and the length is \(length); raise it, or have longer sequences cut off",
          path: file.path, line: line)
      }
      count = length
    }
    for i in 0..<count {
      let code = letters[Int(cell[i])]
      if code == 0 {
        let found = Quotation.of(String(decoding: CollectionOfOne(cell[i]), as: UTF8.self))
        throw DatasetError(
          "letter \(i + 1) of the sequence is \(found), \(file.alphabet.expected)", path: file.path,
          line: line)
      }
      codes.append(code)
    }
    lengths.append(Int32(count))
    longest = max(longest, count)
  }

  private static func columns(
    of cells: [CSVRecords.Cell], label: String, sequence: String, path: String
  ) throws(DatasetError) -> (label: Int, sequence: Int, count: Int) {
    let names = try Word.names(cells, path: path)
    var found: [Int] = []
    for (name, role) in [(label, "the label"), (sequence, "the sequence")] {
      guard let column = names.firstIndex(of: name) else {
        let shown = Quotation.list(names)
        let near = Spelling.suggestion(for: name, among: names)
        throw DatasetError(
          "no column is named \(Quotation.of(name)), \(role)"
            + (near.isEmpty ? "; the columns are \(shown)" : near),
          path: path, line: 1)
      }
      found.append(column)
    }
    guard label != sequence else {
      throw DatasetError("this column cannot be label and sequence", path: path, line: 1, column: label)
    }
    return (found[0], found[1], names.count)
  }
}
