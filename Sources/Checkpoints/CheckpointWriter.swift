import Crypto

/// Writes a file of a checkpoint and computes its digest on the way.
struct CheckpointWriter: ~Copyable, ByteSink {
  /// A few of them stay in a core's second cache.
  static let pieceBytes = 1 << 18

  private let file: PieceWriter
  private var hash = SHA256()
  /// What is not handed over yet: gathered to as much as may go past the page cache.
  private var piece: UnsafeMutableRawBufferPointer
  private var count = 0

  init(path: String, _ system: FileSystem) throws(CheckpointError) {
    let file = PieceWriter(try OutputFile(path: path, system), pieceBytes: Self.pieceBytes)
    piece = try file.next()
    self.file = file
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    try append(bytes.count) { part, start in
      part.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + part.count]))
    }
  }

  /// Reads to where the disk takes the bytes from, and hashes them there before they have left the core's cache.
  mutating func append(
    _ total: Int, reading read: (UnsafeMutableRawBufferPointer, _ from: Int) -> Void
  ) throws(CheckpointError) {
    var start = 0
    while start < total {
      let part = UnsafeMutableRawBufferPointer(
        rebasing: piece[count..<min(Self.pieceBytes, count + min(Self.readBytes, total - start))])
      read(part, start)
      hash.update(bufferPointer: UnsafeRawBufferPointer(part))
      start += part.count
      count += part.count
      if count == Self.pieceBytes { try flush() }
    }
  }

  private mutating func flush() throws(CheckpointError) {
    file.append(count)
    count = 0
    piece = try file.next()
  }

  /// Brings the file to disk.
  consuming func finish(name: String) throws(CheckpointError) -> CheckpointFile {
    file.append(count)
    let bytes = try file.finish()
    return CheckpointFile(name: name, bytes: bytes, sha256: hash.finalize().hexadecimal)
  }
}
