import COpenMPI

/// How many threads of a process may call MPI, and when (MPI 3.1 section 12.4.3). Levels are ordered: each
/// allows all that the ones before it allow.
public enum ThreadLevel: Int, Sendable, Comparable, CaseIterable {
  /// The process has one thread.
  case single
  /// Only the thread that called `MPI.run` makes MPI calls.
  case funneled
  /// Any thread makes MPI calls, never two at a time.
  case serialized
  /// Any thread makes MPI calls at any time.
  case multiple

  public static func < (a: ThreadLevel, b: ThreadLevel) -> Bool { a.rawValue < b.rawValue }

  var handle: Int32 {
    switch self {
    case .single: Int32(MPI_THREAD_SINGLE)
    case .funneled: Int32(MPI_THREAD_FUNNELED)
    case .serialized: Int32(MPI_THREAD_SERIALIZED)
    case .multiple: Int32(MPI_THREAD_MULTIPLE)
    }
  }

  init(handle: Int32) {
    self = Self.allCases.last { $0.handle <= handle } ?? .single
  }
}
