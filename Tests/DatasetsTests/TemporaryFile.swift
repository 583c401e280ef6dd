import Foundation

/// A file with the given content that is removed with this object.
final class TemporaryFile {
  let path: String

  convenience init(_ text: String, extension: String = "csv") throws {
    try self.init(Array(text.utf8), extension: `extension`)
  }

  init(_ bytes: [UInt8], extension: String) throws {
    path =
      FileManager.default.temporaryDirectory.appending(path: "rondo-\(UUID().uuidString).\(`extension`)").path
    try Data(bytes).write(to: URL(filePath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
