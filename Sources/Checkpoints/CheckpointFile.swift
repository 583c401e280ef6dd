import Crypto
import Glibc

/// One file of a checkpoint: what its manifest says of it.
public struct CheckpointFile: Sendable, Equatable, Codable {
  /// Without a folder.
  public let name: String
  public let bytes: Int
  /// Of its content, in hexadecimal.
  public let sha256: String

  public init(name: String, bytes: Int, sha256: String) {
    self.name = name
    self.bytes = bytes
    self.sha256 = sha256
  }

  /// The weights.
  public static let model = "model.safetensors"
  /// Where the run stands.
  public static let state = "state.json"
  static let manifest = "manifest.json"

  /// A shard of the optimizer's state: `optimizer-00000-of-00002.safetensors`.
  public static func optimizer(_ shard: Int, of count: Int) -> String {
    "optimizer-\(padded(shard, to: 5))-of-\(padded(count, to: 5)).safetensors"
  }

  static func padded(_ number: Int, to digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// Whether a name is one for a file of a checkpoint: letters, digits, dots, hyphens and underscores, and not hidden.
  static func isName(_ name: String) -> Bool {
    !name.hasPrefix(".")
      && !name.isEmpty && name.utf8.count <= 255
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// Checks that the file in `folder` has these bytes.
  ///
  /// - Parameter checkingDigest: false compares the size alone and reads nothing.
  func check(in folder: String, checkingDigest: Bool) throws(CheckpointError) {
    let path = "\(folder)/\(name)"
    let found = try FileSystem.size(of: path)
    guard found == bytes else {
      let fault = found < bytes ? "the file is cut off" : "the file was changed"
      throw CheckpointError("\(fault): it has \(found) bytes, and the manifest says \(bytes)", path: path)
    }
    guard checkingDigest else { return }
    guard try Self.digest(of: path) == sha256 else {
      throw CheckpointError("digest differs: the file was changed or the disk is failing", path: path)
    }
  }

  /// SHA-256 of a file's content, read piece by piece.
  private static func digest(of path: String) throws(CheckpointError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckpointError.system("the file cannot be read", code: errno, path: path)
    }
    defer { close(descriptor) }
    var hash = SHA256()
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: CheckpointWriter.pieceBytes, alignment: 64)
    defer { piece.deallocate() }
    while true {
      let count = read(descriptor, piece.baseAddress, piece.count)
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw CheckpointError.system("the file cannot be read", code: errno, path: path) }
      if count == 0 { return hash.finalize().hexadecimal }
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: piece[..<count]))
    }
  }
}

/// Writes a file of a checkpoint and computes its digest on the way.
struct CheckpointWriter: ~Copyable {
  /// What is hashed is written before it has left the cache.
  static let pieceBytes = 1 << 20

  private var file: OutputFile
  private var hash = SHA256()
  /// What is not written yet: gathered to pieces that may go past the page cache.
  private let piece: UnsafeMutableRawBufferPointer
  private var count = 0

  init(path: String, _ system: FileSystem) throws(CheckpointError) {
    file = try OutputFile(path: path, system)
    piece = .allocate(byteCount: Self.pieceBytes, alignment: OutputFile.alignment)
  }

  deinit { piece.deallocate() }

  mutating func append(_ buffer: UnsafeRawBufferPointer) throws(CheckpointError) {
    var rest = buffer
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceBytes - count))
      UnsafeMutableRawBufferPointer(rebasing: piece[count...]).copyMemory(from: part)
      count += part.count
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
      if count == Self.pieceBytes { try flush() }
    }
  }

  private mutating func flush() throws(CheckpointError) {
    let bytes = UnsafeRawBufferPointer(rebasing: piece[..<count])
    hash.update(bufferPointer: bytes)
    try file.append(bytes)
    count = 0
  }

  /// Brings the file to disk.
  consuming func finish(name: String) throws(CheckpointError) -> CheckpointFile {
    try flush()
    try file.finish()
    return CheckpointFile(name: name, bytes: file.bytes, sha256: hash.finalize().hexadecimal)
  }
}

extension SHA256Digest {
  var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
