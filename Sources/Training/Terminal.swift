#if canImport(Glibc)
  import Glibc
#endif

/// Standard output as a person sees it.
package enum Terminal {
  /// Whether a line can be drawn over: standard output is a terminal, and not only one that the launcher made.
  ///
  /// Open MPI gives each rank a pseudo-terminal for standard output and copies it to wherever mpirun's own output goes. So a rank
  /// under a launcher looks at its parent's standard output instead.
  static var isLive: Bool {
    guard isatty(STDOUT_FILENO) == 1 else { return false }
    if let term = getenv("TERM"), String(cString: term) == "dumb" { return false }
    guard getenv("OMPI_COMM_WORLD_SIZE") != nil || getenv("PMIX_RANK") != nil else { return true }
    var target = [CChar](repeating: 0, count: 256)
    let length = readlink("/proc/\(getppid())/fd/1", &target, target.count - 1)
    guard length > 0 else { return false }
    let path = String(decoding: target.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return path.hasPrefix("/dev/pts/") || path.hasPrefix("/dev/tty")
  }

  /// Writes at once; what cannot be written (a closed pipe) is not worth ending a run for.
  static func write(_ text: String) { _ = write(Array(text.utf8)) }

  /// Writes at once.
  ///
  /// - Returns: whether somebody still reads.
  package static func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return false }
      rest = rest.dropFirst(written)
    }
    return true
  }
}
