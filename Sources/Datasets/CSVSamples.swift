/// Samples from a comma-separated file or stream with a header. Columns are found by their names, in any order; those that are no
/// features, such as the label, are left out.
public final class CSVSamples: SampleStream {
  private var records: CSVRecords
  private let encoder: FeatureEncoder
  /// What each column is; nil for one that is no feature.
  private let uses: [FeatureEncoder.Feature?]
  private let names: [String]
  private let reader = DecimalReader()
  private var cells: [CSVRecords.Cell] = []

  /// Reads the header.
  ///
  /// - Parameters:
  ///   - path: nil for standard input.
  ///   - preprocessing: of the model; without a fault.
  ///   - truncates: whether what is beyond the length of sequences is cut off.
  public init(
    path: String?, preprocessing: Preprocessing, truncates: Bool = false
  ) throws(DatasetError) {
    let file = if let path { try FileBytes.open(path: path) } else { try FileBytes.standardInput() }
    records = try CSVRecords.open(file)
    encoder = FeatureEncoder(preprocessing, truncates: truncates)
    if encoder.names.isEmpty {
      throw DatasetError(
        "the model's \(encoder.width) numbers have no names that columns could have; give lines of JSON with an array "
          + "\(Quotation.of(FeatureEncoder.numbersName))", path: records.path)
    }
    guard try records.next(into: &cells) else {
      throw DatasetError("there is nothing; expected a header and rows", path: records.path)
    }
    let names = try Word.names(cells, path: records.path)
    let features = Dictionary(encoder.names.map { ($0.name, $0.feature) }) { first, _ in first }
    for (name, _) in encoder.names {
      guard let first = names.firstIndex(of: name) else {
        throw DatasetError(
          "the model takes a column \(Quotation.of(name)), and there is none"
            + Spelling.suggestion(for: name, among: names), path: records.path, line: 1)
      }
      guard names.lastIndex(of: name) == first else {
        throw DatasetError("two columns have this name", path: records.path, line: 1, column: name)
      }
    }
    self.names = names
    uses = names.map { features[$0] }
  }

  public func next(into sample: inout SampleFeatures, waits: Bool) throws(DatasetError) -> Bool {
    guard try records.nextRow(into: &cells, waits: waits) else { return false }
    try read(into: &sample)
    return true
  }

  private func read(into sample: inout SampleFeatures) throws(DatasetError) {
    guard cells.count == names.count else {
      throw DatasetError(
        "expected \(names.count) cells as in the header, found \(cells.count)", path: records.path,
        line: records.line)
    }
    encoder.begin(&sample)
    for (column, cell) in cells.enumerated() {
      switch uses[column] {
      case .number(let index):
        let number = reader.read(cell)
        guard case .number(let value) = number else {
          throw problem("expected \(number.expected), found \(found(cell))", column)
        }
        sample.numbers[index] = value
      case .category(let index):
        guard let word = Word.read(cell) else {
          throw problem("\(found(cell)) is not UTF-8", column)
        }
        sample.codes[index] = encoder.code(of: word, column: index)
      case .sequence:
        if let fault = encoder.encode(sequence: cell, into: &sample) { throw problem(fault, column) }
      case .numbers, nil: break
      }
    }
    encoder.end(&sample)
  }

  private func found(_ cell: CSVRecords.Cell) -> String {
    cell.isEmpty ? "an empty cell" : Quotation.of(String(decoding: cell, as: UTF8.self))
  }

  private func problem(_ problem: String, _ column: Int) -> DatasetError {
    DatasetError(problem, path: records.path, line: records.line, column: names[column])
  }
}

extension DecimalNumber {
  /// What a feature is, where this is none.
  fileprivate var expected: String {
    switch self {
    case .notFinite: "a finite number"
    case .tooLarge: "a number that a 32-bit float can hold"
    case .empty, .text, .number: "a number"
    }
  }
}
