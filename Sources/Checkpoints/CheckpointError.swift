import Glibc

/// A checkpoint or a file of weights cannot be read or written.
public struct CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  public let path: String
  /// What is wrong and what to do, on one line.
  public let problem: String
  /// The system's error code, where that is what is wrong.
  package let code: Int32?

  public init(_ problem: String, path: String) { self.init(problem, path: path, code: nil) }

  private init(_ problem: String, path: String, code: Int32?) {
    self.path = path
    self.problem = problem
    self.code = code
  }

  /// `weights.safetensors: the file is cut off: its tensors end at byte 4096, and it has 4000 bytes`
  public var description: String { "\(path): \(problem)" }

  /// The system's words for an error code, and what to do where there is something to do.
  static func system(_ what: String, code: Int32, path: String) -> CheckpointError {
    CheckpointError("\(what): \(String(cString: strerror(code)))\(advice(code))", path: path, code: code)
  }

  private static func advice(_ code: Int32) -> String {
    switch code {
    case ENOSPC: "; free space or lower checkpoint.keep"
    case EDQUOT: "; free some of your quota or lower checkpoint.keep"
    case EROFS: "; choose a directory that can be written"
    case EACCES, EPERM: "; check who may write and read there, or choose another directory"
    case EIO: "; the disk or the way to it fails, the system's log says more"
    case EFBIG: "; the limit is that of the file system or of ulimit -f"
    default: ""
    }
  }
}
