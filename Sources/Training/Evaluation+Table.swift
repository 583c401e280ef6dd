import Foundation

extension Evaluation {
  /// More classes than this have no confusion matrix that a person could read.
  private static let mostClassesInTable = 20

  /// For people: a metric a line, and the confusion matrix of at most 20 classes.
  public var table: String {
    var lines = ["\(ProgressDisplay.grouped(Double(samples))) sample\(samples == 1 ? "" : "s")"]
    lines += TextTable.lines(
      Metric.allCases.compactMap { metric in
        self[metric].map { [metric.rawValue, String(format: "%.6g", $0)] }
      }, left: [0, 1])
    let reasons = Dictionary(grouping: leftOut.keys.sorted()) { leftOut[$0] ?? "" }
    for (reason, names) in reasons.sorted(by: { $0.key < $1.key }) {
      lines.append("without \(names.joined(separator: " and ")): \(reason)")
    }
    if let matrix = confusionMatrix, matrix.count <= Self.mostClassesInTable {
      lines += ["", "confusion matrix: a row for each class, a column for what its samples were taken for"]
      lines += rows(of: matrix)
    }
    return lines.joined(separator: "\n")
  }

  private func rows(of matrix: [[Int]]) -> [String] {
    let names = matrix.indices.map { String((classes?[$0] ?? String($0)).prefix(16)) }
    return TextTable.lines([[""] + names] + zip(names, matrix).map { [$0] + $1.map(String.init) })
  }
}
