import Checkpoints
import Foundation

/// `metrics.jsonl` of a run, open for more lines.
struct MetricsFile {
  let path: String
  private var handle: FileHandle
  /// Bytes of whole lines in the file.
  private var byteCount: UInt64
  /// Lines that the disk has not taken yet.
  private(set) var waiting: [String] = []

  static let name = "metrics.jsonl"

  /// Opens the file of a run directory, or makes it, without the lines that the run has yet to write from where it goes on.
  init(in directory: String, after progress: TrainingProgress) throws {
    let old = try RunDirectory.contents("\(directory)/\(Self.name)") ?? Data()
    let kept = old.split(separator: UInt8(ascii: "\n")).filter { Self.isDone(Data($0), progress) }
    let lines = kept.reduce(into: Data()) { $0 += $1 + [UInt8(ascii: "\n")] }
    try self.init(in: directory, holding: lines, insteadOf: old)
  }

  /// As above, with these lines.
  ///
  /// - Parameter old: what the file holds, if it is there; nil where that is not known.
  private init(in directory: String, holding lines: Data, insteadOf old: Data?) throws {
    path = "\(directory)/\(Self.name)"
    byteCount = UInt64(lines.count)
    do {
      if old != lines || !FileManager.default.fileExists(atPath: path) {
        try AtomicFile.write(Array(lines), to: path)
      }
      handle = try Self.open(path, at: byteCount)
    } catch {
      throw RunDirectory.interrupted(path, error)
    }
  }

  private static func open(_ path: String, at offset: UInt64) throws -> FileHandle {
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try handle.seek(toOffset: offset)
    return handle
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

  /// Adds a line to those that wait for `flush`.
  mutating func append(_ line: String) { waiting.append(line) }

  /// Writes the lines that wait. If that fails they go on waiting, and the file ends with its last whole line.
  mutating func flush() throws {
    guard !waiting.isEmpty else { return }
    let lines = Data(waiting.map { $0 + "\n" }.joined().utf8)
    do { try handle.write(contentsOf: lines) } catch {
      try? handle.truncate(atOffset: byteCount)
      // Where a server was away, only a file that is opened anew can be written.
      if let again = try? Self.open(path, at: byteCount) { handle = again }
      throw RunDirectory.interrupted(path, error)
    }
    byteCount += UInt64(lines.count)
    waiting = []
  }

  /// Whether nobody has removed or replaced it, or what it lies in.
  var isThere: Bool { OpenFile.isNamed(path, handle.fileDescriptor) }

  /// The same lines in a file that is made again: one that was removed while it is open can still be read.
  func remade(in directory: String) throws -> MetricsFile {
    let lines: Data
    do {
      try handle.seek(toOffset: 0)
      lines = try handle.read(upToCount: Int(byteCount)) ?? Data()
      try handle.seek(toOffset: byteCount)
    } catch {
      throw RunDirectory.interrupted(path, error)
    }
    var file = try MetricsFile(in: directory, holding: lines, insteadOf: nil)
    file.waiting = waiting
    return file
  }
}
