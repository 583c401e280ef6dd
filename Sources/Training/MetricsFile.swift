import Foundation

/// `metrics.jsonl` of a run, open for more lines.
struct MetricsFile {
  let path: String
  private let handle: FileHandle

  static let name = "metrics.jsonl"

  /// Opens the file of a run directory, or makes it, without the lines that the run has yet to write from where it goes on.
  init(in directory: String, after progress: TrainingProgress) throws {
    let old = FileManager.default.contents(atPath: "\(directory)/\(Self.name)") ?? Data()
    let kept = old.split(separator: UInt8(ascii: "\n")).filter { Self.isDone(Data($0), progress) }
    try self.init(in: directory, holding: kept.reduce(into: Data()) { $0 += $1 + [UInt8(ascii: "\n")] })
  }

  /// As above, with these lines.
  init(in directory: String, holding lines: Data) throws {
    path = "\(directory)/\(Self.name)"
    do {
      if FileManager.default.contents(atPath: path) != lines {
        try lines.write(to: URL(fileURLWithPath: path), options: .atomic)
      }
      handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      try handle.seekToEnd()
    } catch {
      throw RunDirectory.interrupted(path, error)
    }
  }

  /// Whether a line tells of what `progress` has behind it.
  private static func isDone(_ line: Data, _ progress: TrainingProgress) -> Bool {
    struct Line: Decodable {
      var step: Int
      var learningRate: Double?
    }
    guard let line = try? JSONLine.decode(Line.self, from: line) else { return false }
    if line.step < progress.step { return true }
    let isWritten =
      line.learningRate == nil ? progress.evaluatedStep == line.step : progress.stepsSinceLine == 0
    return line.step == progress.step && isWritten
  }

  func append(_ line: String) throws {
    do { try handle.write(contentsOf: Data((line + "\n").utf8)) } catch {
      throw RunDirectory.interrupted(path, error)
    }
  }

  /// All lines, also when somebody has removed the file: an open file stays.
  func lines() throws -> Data {
    do {
      try handle.seek(toOffset: 0)
      return try handle.readToEnd() ?? Data()
    } catch {
      throw RunDirectory.interrupted(path, error)
    }
  }

  /// Whether nobody has removed it, or what it lies in.
  var isThere: Bool {
    var opened = stat()
    return access(path, F_OK) == 0 && fstat(handle.fileDescriptor, &opened) == 0 && opened.st_nlink > 0
  }
}
