import Datasets
import Foundation

/// The prompts of a file or stream, a line each as they come in: lines of text as they are, or objects `{"prompt": TEXT}`.
public final class PromptStream {
  private var lines: LineReader
  private let isJSON: Bool

  /// - Parameter path: nil for standard input.
  public init(path: String?, isJSON: Bool) throws(DatasetError) {
    lines = try LineReader(path: path)
    self.isJSON = isJSON
  }

  /// The next prompt; nil at the end. An empty line of text is an empty prompt.
  public func next() throws(DatasetError) -> String? {
    guard let line = try lines.next() else { return nil }
    guard isJSON else { return String(decoding: line, as: UTF8.self) }
    guard let object = try? JSONDecoder().decode(Object.self, from: Data(line)), !object.prompt.isEmpty else {
      throw DatasetError(
        "expected an object such as {\"prompt\": \"Once upon\"} with at least one character",
        path: lines.path,
        line: lines.line)
    }
    return object.prompt
  }

  private struct Object: Decodable {
    let prompt: String
  }
}
