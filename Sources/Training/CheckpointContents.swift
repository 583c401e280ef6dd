import Checkpoints
import Foundation
import Graph
import Optimizers

/// What a checkpoint of a run holds, between the memory of its state and its files.
///
/// `model.safetensors` has the weights and running statistics by name; the shards of the optimizer's state have pieces `STATE.NAME@OFFSET`;
/// `state.json` the rest.
enum CheckpointContents {
  /// `state.json`.
  struct Record: Codable {
    var format = 1
    var step: Int
    /// The place in the epoch's order of the first sample of the next step.
    var samplePosition: Int
    var epoch: Int
    var seed: UInt64
    /// The optimizer whose state it is.
    var optimizer: String
    var ranks: Int
    /// The kernel of BLAS on whose bits the weights depend.
    var blasKernel: String
    var progress: TrainingProgress
    /// The resolved configuration, as YAML.
    var configuration: String
  }

  /// A copy of what one rank is to write, taken between two steps.
  struct Staging {
    private let memory: SharedFile
    private let graph: Graph
    private let share: StateShare
    let stateCount: Int
    private let hasWeights: Bool
    private let hasAverage: Bool

    /// - Parameters:
    ///   - share: what this rank writes of each arena of the optimizer's state.
    ///   - hasWeights: whether this rank writes the weights too.
    ///   - average: of the weights, whole, if one is kept.
    init(
      _ state: TrainingState, _ graph: Graph, share: StateShare, hasWeights: Bool, average: Arena?,
      copy: (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void
    ) {
      self.graph = graph
      self.share = share
      self.hasWeights = hasWeights
      stateCount = state.layout.core.stateCount
      let average = hasWeights ? average : nil
      hasAverage = average != nil
      let arenas = (hasWeights ? 1 : 0) + (hasAverage ? 1 : 0)
      let count = stateCount * share.count + arenas * graph.arenaCount
      memory = SharedFile(privateBytes: max(1, count) * MemoryLayout<Float>.stride)
      for index in 0..<stateCount {
        for range in share.ranges {
          copy(
            floats + index * share.count + share.place(of: range.lowerBound),
            state.firstState(of: range.lowerBound) + index * state.stateStride, range.count)
        }
      }
      let rest = floats + stateCount * share.count
      if hasWeights { copy(rest, state.parameters.base, graph.arenaCount) }
      if let average { copy(rest + graph.arenaCount, average.base, graph.arenaCount) }
    }

    private var floats: UnsafeMutablePointer<Float> {
      guard let base = memory.bytes.baseAddress else { preconditionFailure("Staging: expected memory") }
      return base.assumingMemoryBound(to: Float.self)
    }

    /// On the rank that has them: the weights, and their average if one is kept; by the names of their files.
    var weights: [(file: String, tensors: [SafetensorsSource])] {
      guard hasWeights else { return [] }
      let names = [CheckpointFile.model] + (hasAverage ? [RunDirectory.averageWeights] : [])
      return names.enumerated().map { index, name in
        let base = floats + stateCount * share.count + index * graph.arenaCount
        let tensors = graph.parameters.map { parameter in
          SafetensorsSource(
            parameter.name, shape: parameter.shape.extents,
            UnsafeBufferPointer(start: base + parameter.offset, count: parameter.range.count))
        }
        return (name, tensors)
      }
    }

    /// The parts of tensors that lie in the share.
    var states: [SafetensorsSource] {
      (0..<stateCount).flatMap { index in
        graph.parameters.flatMap { parameter in
          share.ranges.compactMap { range -> SafetensorsSource? in
            let part = parameter.range.clamped(to: range)
            guard !part.isEmpty else { return nil }
            return SafetensorsSource(
              "\(index).\(parameter.name)@\(part.lowerBound - parameter.offset)", shape: [part.count],
              UnsafeBufferPointer(
                start: floats + index * share.count + share.place(of: part.lowerBound), count: part.count))
          }
        }
      }
    }
  }

  /// Fills the memory of a state from a checkpoint. Nothing else than what the graph has by name, and the state that has a place
  /// there, is read.
  static func read(_ checkpoint: StoredCheckpoint, _ graph: Graph, into state: TrainingState) throws -> Record
  {
    let record = try JSONLine.decode(Record.self, from: checkpoint.state())
    let model = try checkpoint.model()
    for parameter in graph.parameters {
      let tensor = try model.tensor(parameter.name)
      guard tensor.shape == parameter.shape.extents else {
        throw CheckpointError(
          "\(parameter.name) has shape \(tensor.shape), and the model's is \(parameter.shape.extents)",
          path: model.path)
      }
      try model.read(tensor, into: state.parameters[parameter.range])
    }
    let shards = try ShardedTensors(checkpoint.optimizerShards())
    let share = state.layout.core.share ?? StateShare([0..<state.layout.core.arenaCount])
    for index in 0..<state.layout.core.stateCount {
      for parameter in graph.parameters {
        let name = "\(index).\(parameter.name)"
        try shards.expect(name, count: parameter.range.count)
        for range in share.ranges {
          let part = parameter.range.clamped(to: range)
          guard !part.isEmpty else { continue }
          try shards.read(
            name, part.lowerBound - parameter.offset..<part.upperBound - parameter.offset,
            into: UnsafeMutableBufferPointer(
              start: state.firstState(of: part.lowerBound) + index * state.stateStride, count: part.count))
        }
      }
    }
    return record
  }
}
