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

  /// What one rank writes of the state after a step.
  struct Part {
    let snapshot: StateSnapshot
    private(set) var files: [UnwrittenFile] = []

    /// - Parameters:
    ///   - share: what this rank writes of each arena of the optimizer's state.
    ///   - record: of the step.
    ///   - average: of the weights, whole, if one is kept.
    ///   - staging: which no other part is using.
    init(
      _ state: TrainingState, _ graph: Graph, share: StateShare, rank: Int, record: Record, average: Arena?,
      staging: StagingMemory
    ) {
      snapshot = StateSnapshot(of: state, staging: staging)
      let stateCount = state.layout.core.stateCount
      if stateCount > 0 {
        // In two files, as two at a time are hashed.
        for (half, part) in share.halves.enumerated() {
          let name = CheckpointFile.optimizer(2 * rank + half, of: 2 * record.ranks)
          let sources = (0..<stateCount).flatMap { states(state, $0, graph, part) }
          files.append(UnwrittenFile(name, sources, metadata: ["format": "rondo"]))
        }
      }
      guard rank == 0 else { return }
      let averages = average.map { [(RunDirectory.averageWeights, $0)] } ?? []
      for (name, arena) in [(CheckpointFile.model, state.parameters)] + averages {
        let tensors = graph.parameters.map {
          snapshot.source($0.name, shape: $0.shape.extents, arena.base + $0.offset, isChecked: true)
        }
        let metadata = ["format": "rondo", "steps": String(record.step)]
        files.append(UnwrittenFile(name, tensors, metadata: metadata))
      }
      let text = JSONLine.encode(record, pretty: true) + "\n"
      files.append(UnwrittenFile(CheckpointFile.state, Data(text.utf8)))
    }

    /// The parts of tensors that lie in a share, of one arena of state.
    private func states(
      _ state: TrainingState, _ index: Int, _ graph: Graph, _ share: StateShare
    ) -> [SafetensorsSource] {
      graph.parameters.flatMap { parameter in
        share.ranges.compactMap { range in
          let part = parameter.range.clamped(to: range)
          guard !part.isEmpty else { return nil }
          return snapshot.source(
            "\(index).\(parameter.name)@\(part.lowerBound - parameter.offset)", shape: [part.count],
            state.firstState(of: part.lowerBound) + index * state.stateStride)
        }
      }
    }
  }

  /// Fills the memory of a state from a checkpoint. Nothing else than what the graph has by name, and the state that has a place
  /// there, is read.
  ///
  /// State of another optimizer means something else, also where there is as much of it: this one then begins with none.
  ///
  /// - Returns: also a line for each part of the state that the checkpoint and the run have not in common.
  static func read(
    _ checkpoint: StoredCheckpoint, _ graph: Graph, optimizer: String, into state: TrainingState
  ) throws -> (record: Record, leftBehind: [String]) {
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
    let stored = StoredStates(shards, hasAverage: checkpoint.has(RunDirectory.averageWeights))
    let average = state.keepsAverage ? 1 : 0
    let own = state.layout.core.stateCount - average
    var leftBehind: [String] = []
    if record.optimizer == optimizer, stored.count == own {
      for index in 0..<own { try read(shards, index, graph, into: state, index) }
    } else {
      state.clear(0..<own)
      leftBehind.append(
        "\(checkpoint.path): its optimizer's state (\(record.optimizer), \(stored.count) \(stored.count == 1 ? "number" : "numbers") a parameter) is left behind: \(optimizer) "
          + "keeps \(own), and begins with none, as at a first step")
    }
    switch (stored.hasAverage, state.keepsAverage) {
    case (true, true): try read(shards, stored.count, graph, into: state, own)
    case (false, true):
      state.beginAverage()
      leftBehind.append(
        "\(checkpoint.path): it has no average of the weights: that of this run begins with them")
    case (true, false):
      leftBehind.append(
        "\(checkpoint.path): its average of the weights is left behind: training.ema_decay is not set")
    case (false, false): break
    }
    return (record, leftBehind)
  }

  /// The arenas of state that a checkpoint has: the optimizer's, and after them that of the average.
  private struct StoredStates {
    /// Of the optimizer.
    let count: Int
    let hasAverage: Bool

    init(_ shards: ShardedTensors, hasAverage: Bool) {
      let numbers = shards.names.compactMap {
        $0.split(separator: ".", maxSplits: 1).first.flatMap { Int($0) }
      }
      count = max(0, (numbers.max() ?? -1) + 1 - (hasAverage ? 1 : 0))
      self.hasAverage = hasAverage
    }
  }

  /// Reads an arena of state as that of another number.
  private static func read(
    _ shards: ShardedTensors, _ stored: Int, _ graph: Graph, into state: TrainingState, _ index: Int
  ) throws {
    let share = state.layout.core.share ?? StateShare([0..<state.layout.core.arenaCount])
    for parameter in graph.parameters {
      let name = "\(stored).\(parameter.name)"
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
}
