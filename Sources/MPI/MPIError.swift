import COpenMPI

/// What went wrong in an MPI call, on which rank, in MPI's own words.
///
/// Two kinds of failure share this type, so that a program has one thing to catch and one line to print:
/// errors that the MPI library returned, and arguments that this module refused before making the call
/// (`isUsage`). Both carry an error class of the standard, so `error.class == .rank` covers a bad rank
/// whoever noticed it.
///
///     rank 3: allreduce: expected 1024 elements, found 1000
///     rank 1: MPI_Recv: MPI_ERR_TRUNCATE: message truncated
public struct MPIError: Error, Sendable {
  /// The C function that failed, such as `MPI_Recv`, or the method of this module that refused its arguments.
  public let call: String
  /// The library's return code. For a refused argument, the error class it would have earned.
  public let code: Int32
  /// The error class of `code` (MPI 3.1 section 8.4).
  public let `class`: ErrorClass
  /// MPI's own text for `code`, or what is wrong with the argument.
  public let text: String
  /// This process's rank in the world, or nil when MPI was not running.
  public let rank: Int?
  /// True when the arguments were refused and nothing was sent.
  public let isUsage: Bool

  /// An error that the library returned from `call`.
  init(call: StaticString, code: Int32) {
    self.call = String(describing: call)
    self.code = code
    self.class = ErrorClass(of: code)
    self.text = Self.text(of: code)
    self.rank = MPI.worldRank
    self.isUsage = false
  }

  /// Arguments of `call` that cannot work.
  init(usage text: String, in call: StaticString, class: ErrorClass) {
    self.call = String(describing: call)
    self.code = `class`.rawValue
    self.class = `class`
    self.text = text
    self.rank = MPI.worldRank
    self.isUsage = true
  }

  /// MPI: MPI_Error_string, MPI 3.1 section 8.3.
  private static func text(of code: Int32) -> String {
    string(capacity: Int(MPI_MAX_ERROR_STRING)) { MPI_Error_string(code, $0, $1) } ?? "error code \(code)"
  }

  /// A string that a C function writes into a buffer, with its length; nil when the function fails.
  static func string(
    capacity: Int, _ write: (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int32>) -> Int32
  ) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity + 1) { buffer in
      var length: Int32 = 0
      guard write(buffer.baseAddress, &length) == MPI_SUCCESS else { return nil }
      let bytes = buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}

extension MPIError: CustomStringConvertible {
  public var description: String {
    let place = rank.map { "rank \($0): " } ?? ""
    return "\(place)\(call): \(text)"
  }
}

/// The error class of an MPI return code (MPI 3.1 section 8.4). The classes a program is likely to ask for
/// have names.
public struct ErrorClass: RawRepresentable, Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  init(of code: Int32) {
    var value = MPI_ERR_UNKNOWN
    // A code that MPI cannot classify keeps the class "unknown": this is already the error path.
    if MPI_Error_class(code, &value) != MPI_SUCCESS { value = MPI_ERR_UNKNOWN }
    self.rawValue = value
  }

  public static let buffer = ErrorClass(rawValue: MPI_ERR_BUFFER)
  public static let count = ErrorClass(rawValue: MPI_ERR_COUNT)
  public static let datatype = ErrorClass(rawValue: MPI_ERR_TYPE)
  public static let tag = ErrorClass(rawValue: MPI_ERR_TAG)
  public static let communicator = ErrorClass(rawValue: MPI_ERR_COMM)
  public static let rank = ErrorClass(rawValue: MPI_ERR_RANK)
  public static let request = ErrorClass(rawValue: MPI_ERR_REQUEST)
  public static let root = ErrorClass(rawValue: MPI_ERR_ROOT)
  public static let operation = ErrorClass(rawValue: MPI_ERR_OP)
  public static let argument = ErrorClass(rawValue: MPI_ERR_ARG)
  public static let truncate = ErrorClass(rawValue: MPI_ERR_TRUNCATE)
  public static let other = ErrorClass(rawValue: MPI_ERR_OTHER)
  public static let unknown = ErrorClass(rawValue: MPI_ERR_UNKNOWN)
}

/// The one place where a return code of the library is looked at.
@inline(__always)
func check(_ code: Int32, _ call: StaticString) throws(MPIError) {
  if code != MPI_SUCCESS { throw MPIError(call: call, code: code) }
}
