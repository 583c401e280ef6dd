import Foundation

/// Runs a process to its end. A time limit is up to the caller, who starts it through `timeout`.
///
/// - Returns: all that it printed, on standard output and standard error.
public func output(of process: Process) throws -> String {
  // A process without a launcher starts a daemon together with MPI, which inherits every descriptor that is open at that moment and
  // lives as long as the tests: with a pipe's write end among them, the end of file would never come.
  let pipe = try TestProcess.starting.withLock { _ in
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    return pipe
  }
  let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return String(decoding: bytes, as: UTF8.self)
}
