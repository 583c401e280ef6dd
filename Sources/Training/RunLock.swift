import Foundation

/// Holds the directory of a run, so that no two jobs write the same run. It is let go when the process ends, however it ends.
///
/// A lock on the directory itself: nothing lies in it that a process which was killed could leave behind. File systems that lock no directories, NFS
/// among them, do without, and ``fault`` says so.
final class RunLock {
  private let directory: String
  private let descriptor: Int32
  /// Why the directory is not locked; nil where it is.
  let fault: String?

  /// Takes the directory, or waits for a job that is being ended.
  ///
  /// - Parameters:
  ///   - seconds: to wait.
  ///   - lock: takes the lock of an open directory, without waiting; the error code, or 0.
  /// - Throws: if another process has it still, or has removed it.
  init(
    _ directory: String, waiting seconds: Int, lock: (Int32) -> Int32 = RunLock.lock
  ) throws(RunDirectoryError) {
    self.directory = directory
    descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    var code = descriptor < 0 ? errno : lock(descriptor)
    for _ in 0..<10 * seconds where code == EWOULDBLOCK {
      usleep(100_000)
      code = lock(descriptor)
    }
    if code == EWOULDBLOCK {
      close(descriptor)
      throw RunDirectoryError(
        "\(directory): another process trains the run there; end it first, or choose another --output")
    }
    guard descriptor < 0 || OpenFile.isNamed(directory, descriptor) else {
      close(descriptor)
      throw RunDirectoryError(
        "\(directory): another process has removed it meanwhile; give the command again")
    }
    fault =
      code == 0
      ? nil
      : "\(directory): cannot be locked (\(String(cString: strerror(code)))), as on NFS: see to it that no second job trains the same run"
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether the directory is still there under its name: a start that fails takes its directory away, also from who waits for it.
  var isThere: Bool { descriptor < 0 || OpenFile.isNamed(directory, descriptor) }

  private static func lock(_ descriptor: Int32) -> Int32 {
    flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno
  }
}
