import Checkpoints
import Foundation

/// Names a run through all its lives: `run.json` in its directory.
struct RunIdentity: Codable, Equatable {
  /// In hexadecimal; also names the run's shared memory.
  var id: String
  /// How often the run has been taken up again.
  var restarts: Int
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

  func write(to directory: String) throws {
    try AtomicFile.write(Array((JSONLine.encode(self) + "\n").utf8), to: "\(directory)/\(Self.file)")
  }
}
