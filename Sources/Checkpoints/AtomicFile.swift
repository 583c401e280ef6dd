import Glibc

/// A file that appears under its name when it is complete and on disk, or not at all.
///
/// It is written beside its place under a name of its own and renamed at the end. Given up before that, it is removed; a process that is
/// killed leaves `.NAME.*.partial` behind (`removePartial`).
package struct AtomicFile: ~Copyable {
  package let path: String
  private let partialPath: String
  private let system = FileSystem()
  private var file: OutputFile
  private var isCommitted = false

  /// Writes a small file.
  package static func write(_ bytes: [UInt8], to path: String) throws(CheckpointError) {
    var file = try AtomicFile(path: path)
    try bytes.span.bytes.withUnsafeBytes { buffer throws(CheckpointError) in try file.append(buffer) }
    _ = try file.commit()
  }

  package init(path: String) throws(CheckpointError) {
    let (folder, name) = FileSystem.parts(of: path)
    // Unlike a process id alone, different on all hosts that share a file system.
    let number = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    partialPath = "\(folder)/.\(name).\(number)\(Self.suffix)"
    self.path = path
    file = try OutputFile(path: partialPath, shownAs: path, system)
  }

  /// Removes what processes that were killed have left of files of these names, in a folder in which nobody else writes now.
  package static func removePartial(of files: [String], in folder: String) {
    for name in (try? FileSystem.names(in: folder)) ?? [] {
      let isOurs = files.contains { file in
        name.hasPrefix(".\(file).") && name.dropFirst(file.count + 2).hasSuffix(suffix)
      }
      if isOurs { _ = Glibc.unlink("\(folder)/\(name)") }
    }
  }

  private static let suffix = ".partial"

  deinit { if !isCommitted { try? system.unlink(partialPath) } }

  package mutating func append(_ buffer: UnsafeRawBufferPointer) throws(CheckpointError) {
    try file.append(buffer)
  }

  mutating func append(_ content: FileContent) throws(CheckpointError) {
    var content = content
    let piece = UnsafeMutableRawBufferPointer.allocate(
      byteCount: FileContent.pieceBytes, alignment: OutputFile.alignment)
    defer { piece.deallocate() }
    while case let count = content.read(into: piece), count > 0 {
      try file.append(UnsafeRawBufferPointer(rebasing: piece[..<count]))
    }
  }

  /// Brings the file to disk, then to its name.
  ///
  /// - Returns: its bytes.
  package consuming func commit() throws(CheckpointError) -> Int {
    try file.finish()
    guard rename(partialPath, path) == 0 else {
      throw CheckpointError.system("the file cannot be renamed to its place", code: errno, path: path)
    }
    isCommitted = true
    try system.synchronize(folder: FileSystem.parts(of: path).folder)
    return file.bytes
  }
}
