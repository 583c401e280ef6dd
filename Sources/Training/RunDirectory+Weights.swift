import Checkpoints
import Graph

extension RunDirectory {
  /// Writes the weights, and what running statistics there are, by their names: `model.safetensors`.
  func write(_ executor: Executor, steps: Int) throws {
    let tensors = executor.graph.parameters.map { parameter in
      SafetensorsSource(
        parameter.name, shape: parameter.shape.extents,
        UnsafeBufferPointer(executor.parameters[parameter.range]))
    }
    do {
      try SafetensorsFile.write(
        tensors, metadata: ["format": "rondo", "steps": String(steps)], to: path + "/" + Self.weights)
    } catch {
      throw RunDirectoryError("\(error)")
    }
  }

  /// The name of the file of weights in a run directory.
  static let weights = "model.safetensors"
}
