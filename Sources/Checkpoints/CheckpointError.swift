import Glibc

/// A file of weights cannot be read or written.
public struct CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  public let path: String
  /// What is wrong and what to do, on one line.
  public let problem: String

  public init(_ problem: String, path: String) {
    self.path = path
    self.problem = problem
  }

  /// `weights.safetensors: the file is cut off: its tensors end at byte 4096, and it has 4000 bytes`
  public var description: String { "\(path): \(problem)" }

  /// The system's words for the error code at hand.
  static func system(_ what: String, code: Int32, path: String) -> CheckpointError {
    CheckpointError("\(what): \(String(cString: strerror(code)))", path: path)
  }
}
