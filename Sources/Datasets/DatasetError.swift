/// Something is wrong with a file of data, or with what was asked of it: the user has to mend a file or a name.
public struct DatasetError: Error, Sendable, Equatable, CustomStringConvertible {
  public let path: String
  /// The line in the file, where the first, the header, is 1; nil when the whole file is meant.
  public let line: Int?
  public let column: String?
  /// What is wrong and what to do, on one line.
  public let problem: String

  public init(_ problem: String, path: String, line: Int? = nil, column: String? = nil) {
    self.path = path
    self.line = line
    self.column = column
    self.problem = problem
  }

  /// `cards.csv:17: column "amount": expected a number, found "abc"`
  public var description: String {
    let place = line.map { "\(path):\($0)" } ?? path
    return column.map { "\(place): column \(Quotation.of($0)): \(problem)" } ?? "\(place): \(problem)"
  }

  /// What a process that gives up because of this error exits with: wrong usage or configuration.
  public var exitStatus: Int32 { 2 }
}

/// Text from outside, made fit for one line of a message.
package enum Quotation {
  /// In quotation marks, control characters escaped, and cut after 60 characters.
  package static func of(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard scalars.count > 60 else { return text.debugDescription }
    return "\(String(String.UnicodeScalarView(scalars.prefix(60))).debugDescription)..."
  }

  /// The first dozen of names, those that are words of one line as they are.
  static func list(_ names: [String]) -> String {
    let shown = names.prefix(12).map { $0.debugDescription == "\"\($0)\"" && $0.count <= 60 ? $0 : of($0) }
    return shown.joined(separator: ", ") + (names.count > 12 ? ", ..." : "")
  }
}
