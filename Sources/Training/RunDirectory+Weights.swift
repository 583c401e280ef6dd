import Checkpoints
import Graph

extension RunDirectory {
  /// Writes the weights, and what running statistics there are, by their names: `model.safetensors`; and the average of the weights
  /// beside them, if one is kept: `model-average.safetensors`.
  func write(_ trainer: Trainer, average: Arena?) throws {
    let graph = trainer.network.graph
    try write(graph, trainer.state.parameters, to: Self.weights, steps: trainer.step)
    if let average {
      try write(graph, average, to: Self.averageWeights, steps: trainer.step)
    }
  }

  private func write(_ graph: Graph, _ parameters: Arena, to name: String, steps: Int) throws {
    let tensors = graph.parameters.map { parameter in
      SafetensorsSource(
        parameter.name, shape: parameter.shape.extents, UnsafeBufferPointer(parameters[parameter.range]))
    }
    do {
      try SafetensorsFile.write(
        tensors, metadata: ["format": "rondo", "steps": String(steps)], to: path + "/" + name)
    } catch {
      throw RunDirectoryError("\(error)", remedy: RunDirectoryError.mendAndGoOn)
    }
  }

  /// What an evaluation is of, where it is there.
  static let averageWeights = "model-average.safetensors"
  /// The name of the file of weights in a run directory.
  static let weights = "model.safetensors"
}
