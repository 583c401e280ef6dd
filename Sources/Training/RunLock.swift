import Foundation

/// Holds the directory of a run, so that no two jobs write the same run. It is let go when the process ends, however it ends.
///
/// A lock on the directory itself: nothing lies in it that a process which was killed could leave behind. File systems that lock no directories, NFS
/// among them, do without.
final class RunLock {
  private let descriptor: Int32

  /// Takes the directory, or waits for a job that is being ended.
  ///
  /// - Parameter seconds: to wait.
  /// - Throws: if another process has it still.
  init(_ directory: String, waiting seconds: Int) throws(RunDirectoryError) {
    descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    for _ in 0..<10 * seconds where isTaken { usleep(100_000) }
    guard isTaken else { return }
    throw RunDirectoryError(
      "\(directory): another process trains the run there; end it first, or choose another --output")
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether another has it; if not, it is taken.
  private var isTaken: Bool {
    descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
