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
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: FileContent.pieceBytes, alignment: 64)
    defer { piece.deallocate() }
    while true {
      let count = read(descriptor, piece.baseAddress, piece.count)
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw CheckpointError.system("the file cannot be read", code: errno, path: path) }
      if count == 0 { return hash.hexadecimal }
      hash.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
    }
  }
}
