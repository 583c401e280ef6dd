/// The first record of a CSV file: which columns are features and which is the label.
struct CSVHeader {
  /// In the order of the features of the data set.
  let featureNames: [String]
  let labelName: String
  /// Per column of the file: the index of its feature, or nil for the label.
  let featureOfColumn: [Int?]
  /// Per column of the file.
  let names: [String]

  /// - Parameter model: the header of the training file, when this is the file of held-out samples: it must have the same
  ///   columns, in any order.
  init(
    cells: [CSVRecords.Cell], label: String, path: String, matching model: CSVHeader?
  ) throws(DatasetError) {
    let names = cells.map { Self.name($0) }
    try Self.checkNames(names, path: path)
    guard let labelColumn = names.firstIndex(of: label) else {
      throw DatasetError(
        "no column is named \(Quotation.of(label)), the label\(Self.alternatives(to: label, among: names))",
        path: path, line: 1)
    }
    if names.count == 1 {
      throw DatasetError("there is no column beside the label", path: path, line: 1, column: label)
    }
    self.names = names
    labelName = label
    guard let model else {
      featureNames = names.filter { $0 != label }
      featureOfColumn = names.indices.map { $0 == labelColumn ? nil : $0 < labelColumn ? $0 : $0 - 1 }
      return
    }
    featureNames = model.featureNames
    for name in model.featureNames where !names.contains(name) {
      throw DatasetError(
        "the training file has a column \(Quotation.of(name)), this file has none"
          + Spelling.suggestion(for: name, among: names), path: path, line: 1)
    }
    let featureOfName = Dictionary(uniqueKeysWithValues: zip(model.featureNames, model.featureNames.indices))
    for name in names where name != label && featureOfName[name] == nil {
      throw DatasetError("the training file has no such column", path: path, line: 1, column: name)
    }
    featureOfColumn = names.map { featureOfName[$0] }
  }

  private static func name(_ cell: CSVRecords.Cell) -> String {
    var name = Substring(decoding: cell, as: UTF8.self)
    while let first = name.first, first == " " || first == "\t" { name.removeFirst() }
    while let last = name.last, last == " " || last == "\t" { name.removeLast() }
    return String(name)
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
    let shown = names.prefix(12).joined(separator: ", ")
    return "; the columns are \(shown)\(names.count > 12 ? ", ..." : "")"
  }
}
