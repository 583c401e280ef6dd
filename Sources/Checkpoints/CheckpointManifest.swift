import Foundation

/// What a checkpoint consists of: `manifest.json`.
///
///     {
///       "format": "rondo checkpoint",
///       "version": 1,
///       "step": 1000,
///       "files": [
///         {"name": "model.safetensors", "bytes": 4096, "sha256": "..."}
///       ],
///       "sha256": "..."
///     }
///
/// The digest in the last line but one is that of all bytes before this line. Whatever else a later version changes, it keeps the first
/// two members and the last.
public struct CheckpointManifest: Sendable, Equatable {
  /// The newest version that is read, and the one that is written.
  static let version = 1
  private static let format = "rondo checkpoint"

  public let step: Int
  /// In the order of their names.
  public let files: [CheckpointFile]

  /// - Precondition: names differ and are names of files.
  init(step: Int, files: [CheckpointFile]) {
    let files = files.sorted { $0.name < $1.name }
    for (index, file) in files.enumerated() {
      precondition(
        CheckpointFile.isName(file.name) && (index == 0 || files[index - 1].name != file.name),
        "CheckpointManifest: \(file.name.debugDescription) is no name for a file, or was given twice")
    }
    self.step = step
    self.files = files
  }

  /// The bytes of `manifest.json`.
  var json: [UInt8] {
    let lines = files.map {
      "    {\"name\": \"\($0.name)\", \"bytes\": \($0.bytes), \"sha256\": \"\($0.sha256)\"}"
    }
    let content = Array(
      """
      {
        "format": "\(Self.format)",
        "version": \(Self.version),
        "step": \(step),
        "files": [
      \(lines.joined(separator: ",\n"))
        ],

      """.utf8)
    return content + Self.end(of: content)
  }

  /// The lines that close a manifest whose other bytes these are.
  private static func end(of content: some DataProtocol) -> [UInt8] {
    Array("  \"sha256\": \"\(SHA256.hexadecimal(of: content))\"\n}\n".utf8)
  }

  private static let endBytes = end(of: [UInt8]()).count

  /// - Parameters:
  ///   - json: the bytes of a manifest.
  ///   - path: where they come from.
  /// - Throws: for bytes whose digest does not fit, and for a newer version.
  init(_ json: [UInt8], path: String) throws(CheckpointError) {
    let content = json.dropLast(Self.endBytes)
    guard json.suffix(Self.endBytes).elementsEqual(Self.end(of: content)) else {
      throw CheckpointError(
        "digest differs: the manifest was changed or cut off, or the disk is failing", path: path)
    }
    let decoder = JSONDecoder()
    let data = Data(json)
    guard let head = try? decoder.decode(Head.self, from: data), head.format == Self.format,
      head.version >= 1
    else { throw CheckpointError("this is no manifest of a checkpoint", path: path) }
    guard head.version <= Self.version else {
      throw CheckpointError(
        "the checkpoint has format \(head.version), and this version of Rondo reads formats up to \(Self.version); "
          + "read it with the version that wrote it", path: path)
    }
    guard let body = try? decoder.decode(Body.self, from: data), body.step >= 0,
      body.files.allSatisfy({ CheckpointFile.isName($0.name) && $0.bytes >= 0 }),
      Set(body.files.map(\.name)).count == body.files.count
    else { throw CheckpointError("the manifest lacks what its format asks for", path: path) }
    self.init(step: body.step, files: body.files)
  }

  private struct Head: Decodable {
    let format: String
    let version: Int
  }

  private struct Body: Decodable {
    let step: Int
    let files: [CheckpointFile]
  }
}
