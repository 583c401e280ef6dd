/// A comma-separated file with a header, a column of labels, and features that are numbers.
///
/// The module's README states what is accepted and how labels become classes or values. A row that cannot be read is an error
/// that names line and column; no row is ever left out.
public struct CSVFile: Sendable, Equatable {
  public enum Task: String, Sendable, CaseIterable {
    /// Classes if a label is not a number, or if all are whole numbers with at most 20 different values; else values.
    case auto
    /// Each different label is a class, at most 10,000.
    case classification
    /// Each label is a number.
    case regression
  }

  public var path: String
  /// The name of the column of labels.
  public var label: String
  public var task: Task

  public init(path: String, label: String, task: Task = .auto) {
    self.path = path
    self.label = label
    self.task = task
  }

  /// Reads the whole file.
  public func load() throws(DatasetError) -> Dataset {
    try CSVTable(path: path, label: label, task: task, matching: nil).dataset(matching: nil)
  }

  /// Reads the whole file and a file of held-out samples, which has the same columns in any order, and no class that
  /// this file has not.
  public func load(testPath: String) throws(DatasetError) -> DatasetSplit {
    let table = try CSVTable(path: path, label: label, task: task, matching: nil)
    let train = try table.dataset(matching: nil)
    let task: Task = train.classNames == nil ? .regression : .classification
    let test = try CSVTable(path: testPath, label: label, task: task, matching: table.header)
    return DatasetSplit(train: train, test: try test.dataset(matching: train.labels))
  }
}

/// A file as read, with its labels still undecided.
private struct CSVTable {
  let header: CSVHeader
  private var features: [Float] = []
  private var labels: LabelColumn
  private let reader = DecimalReader()

  init(
    path: String, label: String, task: CSVFile.Task, matching model: CSVHeader?
  ) throws(DatasetError) {
    var records = try CSVRecords.open(path: path)
    var cells: [CSVRecords.Cell] = []
    guard try records.next(into: &cells) else {
      throw DatasetError("the file is empty; expected a header and rows", path: path)
    }
    header = try CSVHeader(cells: cells, label: label, path: path, matching: model)
    labels = LabelColumn(name: label, path: path, task: task)

    var row = [Float](repeating: 0, count: header.featureNames.count)
    var emptyLine: Int?
    while try records.next(into: &cells) {
      if cells.count == 1, cells[0].isEmpty {
        emptyLine = emptyLine ?? records.line
        continue
      }
      if let emptyLine {
        throw DatasetError("the line is empty, but rows follow; remove it", path: path, line: emptyLine)
      }
      try read(cells, into: &row, line: records.line, path: path)
      features.append(contentsOf: row)
      if labels.count == 1000, let fileBytes = records.fileBytes {
        // Room for all rows if they are as long as the first ones, so that the array is seldom moved.
        let rows = Double(fileBytes) / Double(records.consumedBytes) * 1000 * 1.01
        features.reserveCapacity(Int(rows) * row.count)
      }
    }
    if labels.count == 0 {
      throw DatasetError("the file has a header but no rows", path: path)
    }
  }

  func dataset(matching model: Dataset.Labels?) throws(DatasetError) -> Dataset {
    Dataset(
      features: features, labels: try labels.labels(matching: model), featureNames: header.featureNames,
      labelName: header.labelName)
  }

  private mutating func read(
    _ cells: [CSVRecords.Cell], into row: inout [Float], line: Int, path: String
  ) throws(DatasetError) {
    guard cells.count == header.names.count else {
      throw DatasetError(
        "expected \(header.names.count) cells as in the header, found \(cells.count)", path: path, line: line)
    }
    for column in cells.indices {
      guard let feature = header.featureOfColumn[column] else {
        try labels.append(cells[column], line: line)
        continue
      }
      let number = reader.read(cells[column])
      guard case .number(let value) = number else {
        let text = String(decoding: cells[column], as: UTF8.self)
        throw DatasetError(
          Self.problem(number, text: text), path: path, line: line, column: header.names[column])
      }
      row[feature] = value
    }
  }

  private static func problem(_ number: DecimalNumber, text: String) -> String {
    switch number {
    case .empty: "expected a number, found an empty cell; fill it in or remove the row"
    case .notFinite: "expected a finite number, found \(Quotation.of(text)); replace it or remove the row"
    case .tooLarge: "\(Quotation.of(text)) is too large for a 32-bit float"
    case .text, .number:
      "expected a number, found \(Quotation.of(text)); features are numbers: encode the column or remove it"
    }
  }
}
