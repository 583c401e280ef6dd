import Checkpoints
import Foundation

/// Names a run through all its lives: `run.json` in its directory.
struct RunIdentity: Codable, Equatable {
  /// In hexadecimal; also names the run's shared memory.
  var id: String
  /// How often the run has been taken up again.
  var restarts: Int
  /// Where the run was last trained, without symbolic links.
  var directory: String?
  /// The run or checkpoint with whose state it began, if another's; absolute.
  var origin: String?

  static let file = "run.json"

  /// A new run.
  init(origin: String? = nil) {
    id = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    restarts = 0
    self.origin = origin
  }

  /// - Throws: if the file is there and is none.
  init?(directory: String) throws {
    let path = "\(directory)/\(Self.file)"
    guard let data = try RunDirectory.contents(path) else { return nil }
    do { self = try JSONDecoder().decode(RunIdentity.self, from: data) } catch {
      throw RunDirectoryError("\(path): is no description of a run; remove the directory", exitStatus: 2)
    }
  }

  /// Of the next life of the run, in this directory; a new run's, with the same past, if this is a copy of a directory that is still there: the memory
  /// that the run has left is the other's.
  func nextLife(in path: String) -> RunIdentity {
    var next = self
    next.restarts += 1
    if let directory, directory != Self.resolved(path), !Self.isSame(directory, path),
      (try? RunIdentity(directory: directory))?.id == id
    {
      next.id = RunIdentity().id
    }
    return next
  }

  /// Whether two directories are one, also where it is mounted twice: no copy of a file has changed at the same nanosecond.
  private static func isSame(_ one: String, _ other: String) -> Bool {
    var (first, second) = (stat(), stat())
    return stat("\(one)/\(file)", &first) == 0 && stat("\(other)/\(file)", &second) == 0
      && first.st_ino == second.st_ino && first.st_ctim.tv_sec == second.st_ctim.tv_sec
      && first.st_ctim.tv_nsec == second.st_ctim.tv_nsec
  }

  /// A path without symbolic links; nil where nothing is there.
  static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  func write(to directory: String) throws {
    try AtomicFile.write(Array((JSONLine.encode(self) + "\n").utf8), to: "\(directory)/\(Self.file)")
  }
}
