import Foundation

/// A file of a checkpoint before it is written.
public struct UnwrittenFile {
  let name: String
  let content: FileContent

  /// Named tensors, in the safetensors format.
  ///
  /// - Parameter name: such as ``CheckpointFile/model``.
  public init(_ name: String, _ tensors: [SafetensorsSource], metadata: [String: String]) {
    self.init(name: name, content: SafetensorsFile.content(tensors, metadata: metadata))
  }

  /// Bytes as they are, such as those of ``CheckpointFile/state``.
  public init(_ name: String, _ bytes: Data) {
    self.init(name: name, content: FileContent([FileContent.Part(Array(bytes))]))
  }

  init(name: String, content: FileContent) {
    self.name = name
    self.content = content
  }
}
