import MPI

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

  /// Writes at once; what cannot be written (a closed pipe, a full disk) is not worth ending a run for.
  static func write(_ text: String) { _ = try? write(Array(text.utf8)) }

  /// Writes at once what the command was started for.
  ///
  /// - Returns: whether somebody still reads.
  /// - Throws: for what is lost though somebody may want it: on a full disk.
  package static func write(_ bytes: [UInt8]) throws(OutputError) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      if written < 0 && errno != EPIPE { throw OutputError(code: errno) }
      guard written > 0 else { return false }
      rest = rest.dropFirst(written)
    }
    return true
  }

  /// Writes a line at once.
  package static func writeLine(_ line: String) throws(OutputError) {
    _ = try write(Array((line + "\n").utf8))
  }
}

/// Standard output did not take what was written to it.
package struct OutputError: ExitStatusError, CustomStringConvertible {
  let code: Int32
  package var exitStatus: Int32 { 1 }
  package var description: String { "standard output: cannot write (\(String(cString: strerror(code))))" }
}
