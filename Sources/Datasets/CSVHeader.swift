/// The first record of a CSV file: which columns are features and which is the label.
struct CSVHeader {
  /// What a column of the file is; features by their index among their kind.
  enum Use: Equatable {
    case label
    case number(Int)
    case category(Int)
  }

  /// In the order of the numbers of the data set.
  let featureNames: [String]
  /// In the order of the codes of the data set.
  let categoryNames: [String]
  let labelName: String
  /// Per column of the file.
  let uses: [Use]
  /// Per column of the file.
  let names: [String]

  /// - Parameters:
  ///   - categorical: names of the columns whose features are categories.
  ///   - model: the training data, when this is another file: it must have the same columns, in any order.
  init(
    cells: [CSVRecords.Cell], label: String, categorical: [String], path: String, matching model: Dataset?
  ) throws(DatasetError) {
    let names = try Word.names(cells, path: path)
    try Self.checkNames(names, path: path)
    for (name, role) in [(label, "the label")] + categorical.map({ ($0, "a categorical one") })
    where !names.contains(name) {
      throw DatasetError(
        "no column is named \(Quotation.of(name)), \(role)\(Self.alternatives(to: name, among: names))",
        path: path,
        line: 1)
    }
    if names.count == 1 {
      throw DatasetError("there is no column beside the label", path: path, line: 1, column: label)
    }
    if categorical.contains(label) {
      throw DatasetError(
        "the label cannot be a categorical feature as well", path: path, line: 1, column: label)
    }
    self.names = names
    labelName = label
    let categories = model?.codes?.vocabularies.map(\.name) ?? []
    if let model {
      try Self.checkSameColumns(names, as: model.featureNames + categories, label: label, path: path)
    }
    let featureNames = model?.featureNames ?? names.filter { $0 != label && !categorical.contains($0) }
    let categoryNames = model == nil ? names.filter { categorical.contains($0) } : categories
    var uses: [String: Use] = [label: .label]
    for (index, name) in featureNames.enumerated() { uses[name] = .number(index) }
    for (index, name) in categoryNames.enumerated() { uses[name] = .category(index) }
    self.featureNames = featureNames
    self.categoryNames = categoryNames
    self.uses = names.compactMap { uses[$0] }
  }

  private static func checkSameColumns(
    _ names: [String], as expected: [String], label: String, path: String
  ) throws(DatasetError) {
    for name in expected where !names.contains(name) {
      throw DatasetError(
        "the training file has a column \(Quotation.of(name)), this file has none"
          + Spelling.suggestion(for: name, among: names), path: path, line: 1)
    }
    let known = Set(expected)
    for name in names where name != label && !known.contains(name) {
      throw DatasetError("the training file has no such column", path: path, line: 1, column: name)
    }
  }

  private static func checkNames(_ names: [String], path: String) throws(DatasetError) {
    var columns: [String: Int] = [:]
    for (index, name) in names.enumerated() {
      if name.isEmpty {
        throw DatasetError(
          "column \(index + 1) of \(names.count) has no name; the first line must name every column",
          path: path, line: 1)
      }
      if let first = columns.updateValue(index, forKey: name) {
        throw DatasetError(
          "columns \(first + 1) and \(index + 1) have this name; rename one", path: path, line: 1,
          column: name)
      }
    }
  }

  /// The end of a message about a name that no column has.
  private static func alternatives(to label: String, among names: [String]) -> String {
    if let near = Spelling.nearest(to: label, among: names) { return "; did you mean \(Quotation.of(near))?" }
    if names.count == 1, let separator = names[0].first(where: { ";\t|".contains($0) }) {
      return "; the header has no comma but \(Quotation.of(String(separator))): cells are separated by commas"
    }
    let shown = Quotation.list(names)
    return "; the columns are \(shown)"
  }
}
