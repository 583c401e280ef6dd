/// A comma-separated file with a header, a column of labels, and features that are numbers or, where named, categories.
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
  /// Names of the columns whose features are categories: each different cell is a code. All other columns are numbers.
  public var categorical: [String]

  public init(path: String, label: String, task: Task = .auto, categorical: [String] = []) {
    self.path = path
    self.label = label
    self.task = task
    self.categorical = categorical
  }

  /// Reads the whole file. The codes of its categories are learned on all rows; `split` of the result learns them anew on the
  /// training part.
  public func load() throws(DatasetError) -> Dataset {
    try CSVTable(self, path: path, matching: nil).dataset(matching: nil)
  }

  /// Reads the whole file and a file of held-out samples, which has the same columns in any order, and no class that
  /// this file has not. Its categories that this file has not become code 0.
  public func load(testPath: String) throws(DatasetError) -> DatasetSplit {
    let train = try load()
    var test = self
    test.path = testPath
    return DatasetSplit(train: train, test: try test.load(matching: train))
  }

  /// Reads the whole file for a model that was trained on others: they have the same columns in any order. The task and the codes are
  /// those of `template`; categories that it has not become code 0, and a class that it has not is an error.
  ///
  /// - Parameter template: columns, words and classes; its samples do not matter.
  public func load(matching template: Dataset) throws(DatasetError) -> Dataset {
    var file = self
    file.task = template.classNames == nil ? .regression : .classification
    return try CSVTable(file, path: path, matching: template).dataset(matching: template)
  }
}

/// A file as read, with its labels still undecided.
private struct CSVTable {
  let header: CSVHeader
  private var features: [Float] = []
  /// Row-major, as the columns of categories hand them out.
  private var codes: [Int32] = []
  private var categories: [CategoryColumn]
  private var labels: LabelColumn
  private let reader = DecimalReader()

  init(_ file: CSVFile, path: String, matching model: Dataset?) throws(DatasetError) {
    var records = try CSVRecords.open(path: path)
    var cells: [CSVRecords.Cell] = []
    guard try records.next(into: &cells) else {
      throw DatasetError("the file is empty; expected a header and rows", path: path)
    }
    header = try CSVHeader(
      cells: cells, label: file.label, categorical: file.categorical, path: path, matching: model)
    labels = LabelColumn(name: file.label, path: path, task: file.task)
    categories = header.categoryNames.enumerated().map { index, name in
      CategoryColumn(name: name, path: path, matching: model?.codes?.vocabularies[index])
    }

    var row = [Float](repeating: 0, count: header.featureNames.count)
    var codeRow = [Int32](repeating: 0, count: categories.count)
    while try records.nextRow(into: &cells) {
      try read(cells, into: &row, &codeRow, line: records.line, path: path)
      features.append(contentsOf: row)
      codes.append(contentsOf: codeRow)
      if labels.count == 1000, let fileBytes = records.fileBytes {
        // Room for all rows if they are as long as the first ones, so that the arrays are seldom moved.
        let rows = Int(Double(fileBytes) / Double(records.consumedBytes) * 1000 * 1.01)
        features.reserveCapacity(rows * row.count)
        codes.reserveCapacity(rows * codeRow.count)
      }
    }
    if labels.count == 0 {
      throw DatasetError("the file has a header but no rows", path: path)
    }
  }

  func dataset(matching model: Dataset?) throws(DatasetError) -> Dataset {
    var numbers: NumberRows?
    var codeRows: CodeRows?
    if !header.featureNames.isEmpty {
      let shape = model?.numbers?.shape ?? [header.featureNames.count]
      numbers = NumberRows(features, shape: shape, names: header.featureNames)
    }
    if !categories.isEmpty {
      codeRows = CodeRows(.rows(codes), shape: [categories.count], vocabularies: categories.map(\.vocabulary))
        .recoded(categories.map(\.vocabulary), categories.map(\.sortedCodes))
    }
    return Dataset(
      numbers: numbers, codes: codeRows, labels: try labels.labels(matching: model?.labels),
      labelName: header.labelName)
  }

  private mutating func read(
    _ cells: [CSVRecords.Cell], into row: inout [Float], _ codeRow: inout [Int32], line: Int, path: String
  ) throws(DatasetError) {
    guard cells.count == header.names.count else {
      throw DatasetError(
        "expected \(header.names.count) cells as in the header, found \(cells.count)", path: path, line: line)
    }
    for column in cells.indices {
      switch header.uses[column] {
      case .label: try labels.append(cells[column], line: line)
      case .category(let index): codeRow[index] = try categories[index].code(of: cells[column], line: line)
      case .number(let index):
        let number = reader.read(cells[column])
        guard case .number(let value) = number else {
          let text = String(decoding: cells[column], as: UTF8.self)
          throw DatasetError(
            Self.problem(number, text: text), path: path, line: line, column: header.names[column])
        }
        row[index] = value
      }
    }
  }

  private static func problem(_ number: DecimalNumber, text: String) -> String {
    switch number {
    case .empty: "expected a number, found an empty cell; fill it in or remove the row"
    case .notFinite: "expected a finite number, found \(Quotation.of(text)); replace it or remove the row"
    case .tooLarge: "\(Quotation.of(text)) is too large for a 32-bit float"
    case .text, .number:
      "expected a number, found \(Quotation.of(text)); features are numbers: name the column as categorical or remove it"
    }
  }
}
