/// How predictions are written: a line each.
///
/// JSON lines: `{"class": NAME, "probabilities": {NAME: 0.98, ...}}` or `{"value": 1.5}`. CSV: the columns `class` and `probability NAME`
/// for each class, or `value`.
public struct PredictionFormat: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    case csv, jsonl
  }

  public let kind: Kind
  private let classNames: [String]
  /// As they stand in a line, in quotation marks where these are needed.
  private let quotedNames: [String]

  /// - Parameter classNames: those of a classifier.
  public init(_ kind: Kind, classNames: [String]?) {
    self.kind = kind
    self.classNames = classNames ?? []
    quotedNames = self.classNames.map { kind == .csv ? Self.cell($0) : JSONLine.encode($0) }
  }

  /// The line before all others; nil for JSON.
  public var header: String? {
    guard kind == .csv else { return nil }
    if classNames.isEmpty { return "value" }
    return (["class"] + classNames.map { Self.cell("probability \($0)") }).joined(separator: ",")
  }

  public func line(_ prediction: Prediction) -> String {
    switch (prediction, kind) {
    case (.classes(let best, let probabilities), .csv):
      return ([quotedNames[best]] + probabilities.map { "\($0)" }).joined(separator: ",")
    case (.classes(let best, let probabilities), .jsonl):
      let pairs = zip(quotedNames, probabilities).map { "\($0):\(Self.number($1))" }
      return "{\"class\":\(quotedNames[best]),\"probabilities\":{\(pairs.joined(separator: ","))}}"
    case (.value(let value), .csv): return "\(value)"
    case (.value(let value), .jsonl): return "{\"value\":\(Self.number(value))}"
    }
  }

  /// The shortest digits that give the same float back; JSON has no word for what is not finite, so that is a string.
  private static func number(_ value: Float) -> String {
    value.isFinite ? "\(value)" : JSONLine.encode(Double(value))
  }

  private static func cell(_ text: String) -> String {
    let needsQuotes = text.utf8.contains { [UInt8(ascii: ","), UInt8(ascii: "\""), 10, 13].contains($0) }
    return needsQuotes ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
  }
}
