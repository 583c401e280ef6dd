/// The labels of a table as they are read, before it is known whether they are classes or values.
struct LabelColumn {
  /// Whole numbers with more different values than this are taken as values when the task is to be inferred.
  static let mostInferredClasses = 20
  /// More classes than this are taken for a mistake (a column of names or of row numbers).
  static let mostClasses = 10_000

  private let name: String
  private let path: String
  private let task: CSVFile.Task
  private let reader = DecimalReader()

  /// Different texts of labels in the order in which they appeared, as long as they can still be classes.
  private var texts: [String] = []
  private var firstLines: [Int] = []
  private var textIndices: [String: Int32] = [:]
  private var isInterning: Bool
  /// Per sample, an index into `texts`.
  private var indices: [Int32] = []
  /// Per sample, as long as all labels are numbers.
  private var values: [Float] = []
  private var areNumbers = true

  init(name: String, path: String, task: CSVFile.Task) {
    self.name = name
    self.path = path
    self.task = task
    isInterning = task != .regression
  }

  var count: Int { isInterning ? indices.count : values.count }

  mutating func append(_ cell: CSVRecords.Cell, line: Int) throws(DatasetError) {
    if areNumbers { try appendNumber(cell, line: line) }
    if isInterning { try appendText(cell, line: line) }
  }

  private mutating func appendNumber(_ cell: CSVRecords.Cell, line: Int) throws(DatasetError) {
    let number = reader.read(cell)
    if case .number(let value) = number { return values.append(value) }
    if number == .empty { throw error("the label is missing; fill it in or remove the row", line: line) }
    let text = String(decoding: cell, as: UTF8.self)
    if number == .notFinite || number == .tooLarge, task != .classification {
      throw error("expected a finite 32-bit float, found \(Quotation.of(text))", line: line)
    }
    if task == .regression || !isInterning {
      throw error("expected a number, found \(Quotation.of(text)); values are numbers", line: line)
    }
    areNumbers = false
    values = []
  }

  private mutating func appendText(_ cell: CSVRecords.Cell, line: Int) throws(DatasetError) {
    let text = try Word.read(cell, path: path, line: line, column: name)
    if text.isEmpty { throw error("the label is missing; fill it in or remove the row", line: line) }
    if let index = textIndices[text] { return indices.append(index) }
    if texts.count == Self.mostClasses {
      guard task == .auto, areNumbers else {
        throw error(
          "more than \(Self.mostClasses) different classes; is this the label column? (for values: task: regression)",
          line: line)
      }
      isInterning = false
      indices = []
      return
    }
    indices.append(Int32(texts.count))
    textIndices[text] = Int32(texts.count)
    texts.append(Word.normal(text))
    firstLines.append(line)
  }

  /// The labels, once all rows are read.
  ///
  /// - Parameter model: the labels of the training file, when this is the file of held-out samples: it has no classes that
  ///   the training file has not.
  func labels(matching model: Dataset.Labels?) throws(DatasetError) -> Dataset.Labels {
    switch model {
    case .classes(_, let names):
      return try .classes(classes(named: names), names: names)
    case .values:
      return .values(values)
    case .nextTokens, nil:
      guard isInterning else { return .values(values) }
      let names = classNames()
      if task == .auto, areNumbers {
        let areWhole = texts.allSatisfy { Double($0).map { $0.rounded() == $0 } ?? false }
        if !areWhole || names.count > Self.mostInferredClasses { return .values(values) }
      }
      if names.count < 2, let only = names.first {
        throw DatasetError(
          "every row has the label \(Quotation.of(only)); classes are at least two", path: path, column: name)
      }
      return try .classes(classes(named: names), names: names)
    }
  }

  /// Numbers by size, else texts by their bytes: the order of rows does not matter.
  private func classNames() -> [String] {
    let numbers = areNumbers ? texts.compactMap(Self.number) : []
    if numbers.count == texts.count { return Set(numbers).sorted().map(Self.name) }
    return texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private func classes(named names: [String]) throws(DatasetError) -> [Int32] {
    let classOfName = Dictionary(uniqueKeysWithValues: zip(names, 0..<Int32(names.count)))
    // Among names that are all numbers, "1.0" is the class "1".
    let areNumbers = names.allSatisfy { name in Self.number(name).map(Self.name) == name }
    var classOfText: [Int32] = []
    for (text, line) in zip(texts, firstLines) {
      let name = areNumbers ? Self.number(text).map(Self.name) ?? text : text
      guard let found = classOfName[name] else {
        throw error(
          "no row of the training file has the class \(Quotation.of(text))"
            + Spelling.suggestion(for: text, among: names), line: line)
      }
      classOfText.append(found)
    }
    return indices.map { classOfText[Int($0)] }
  }

  /// Nil from 2^53 on, where different numbers become the same double: they are names of classes as they are written.
  private static func number(_ text: String) -> Double? {
    Double(text).flatMap { abs($0) < 0x1p53 ? $0 : nil }
  }

  private static func name(_ number: Double) -> String {
    number.rounded() == number ? String(Int64(number)) : number.description
  }

  private func error(_ problem: String, line: Int) -> DatasetError {
    DatasetError(problem, path: path, line: line, column: name)
  }
}
