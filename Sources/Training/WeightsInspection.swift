import Checkpoints
import MPI

/// What a safetensors file holds, by its header: the values are not read.
public struct WeightsInspection: Codable, Sendable, Equatable {
  public struct Tensor: Codable, Sendable, Equatable {
    public var name: String
    /// As the format calls it: `F32`.
    public var type: String
    public var shape: [Int]
    public var bytes: Int
  }

  public var path: String
  /// Of the whole file.
  public var bytes: Int
  public var metadata: [String: String]
  /// In the order of their data.
  public var tensors: [Tensor]
  /// Elements of all tensors.
  public var elements: Int

  public init(path: String) throws(CheckpointError) {
    let file = try SafetensorsFile(path: path)
    self.path = path
    bytes = RunInspection.bytes(of: path)
    metadata = file.metadata
    tensors = file.tensors.map { tensor in
      Tensor(
        name: tensor.name, type: tensor.type.rawValue, shape: tensor.shape,
        bytes: tensor.count * tensor.type.bits / 8)
    }
    elements = file.tensors.reduce(0) { $0 + $1.count }
  }

  public var json: String { JSONLine.encode(self) }

  /// For people.
  public var table: String {
    let rows =
      [["tensor", "type", "shape", "bytes"]]
      + tensors.map { tensor in
        let shape = tensor.shape.isEmpty ? "1" : tensor.shape.map(String.init).joined(separator: " x ")
        return [tensor.name, tensor.type, shape, ProgressDisplay.grouped(Double(tensor.bytes))]
      }
    let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return
      (["\(path): \(summary)"]
      + (pairs.isEmpty ? [] : ["metadata: \(TerminalText.oneLine(pairs.joined(separator: ", ")))"])
      + [""] + TextTable.lines(rows, left: [0, 1])).joined(separator: "\n")
  }

  /// `6 tensors, 1,210 numbers, 5,256 bytes`
  var summary: String {
    "\(tensors.count) tensor\(tensors.count == 1 ? "" : "s"), \(ProgressDisplay.grouped(Double(elements))) numbers, "
      + "\(ProgressDisplay.grouped(Double(bytes))) bytes"
  }
}
