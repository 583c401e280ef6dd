import Collectives
import Datasets
import Foundation
import Graph
import NeuralNetwork
import Optimizers

/// What a configuration will train and what memory that takes, before anything runs.
public struct Inspection: Codable, Sendable {
  public struct Layer: Codable, Sendable {
    public var name: String
    public var outputShape: [Int]
    public var parameters: Int
    /// Of one microbatch.
    public var forwardFlops: Int
    public var backwardFlops: Int
  }

  public struct Parameter: Codable, Sendable {
    public var name: String
    public var shape: [Int]
    /// A running statistic, not trained.
    public var isStatistic: Bool
  }

  /// Bytes of each arena where one rank trains alone. Of several, each has fewer gradient arenas, as it has fewer microbatches, and with
  /// `training.optimizer.sharded` between hosts its share of the optimizer's.
  public struct Memory: Codable, Sendable {
    public var parameters: Int
    /// In reproducible mode of as many arenas as partial sums wait at a time, and what is staged before it is added.
    public var gradients: Int
    /// With the average of the weights, if one is kept; in sharded runs by messages, of all ranks together.
    public var optimizer: Int
    /// Whether ranks without memory in common have a share each of it: `training.optimizer.sharded`.
    public var optimizerIsSharded: Bool
    /// Values, their gradients, saved buffers and scratch.
    public var activations: Int
    /// For each thread, besides.
    public var scratch: Int
    /// Training and held-out samples.
    public var data: Int

    public var total: Int { parameters + gradients + optimizer + activations + scratch + data }
  }

  public var name: String
  public var model: String
  public var layers: [Layer]
  public var parameters: [Parameter]
  public var parameterCount: Int
  public var microbatch: Int
  public var batch: Int
  /// Forward and backward of one sample, products only.
  public var flopsPerSample: Double
  public var flopsPerStep: Double
  public var memory: Memory

  /// - Parameter data: what `configuration` loads.
  public init(_ configuration: Configuration, data: DatasetSplit) throws {
    let graph: Graph
    do {
      graph = try Trainer.network(configuration, data: data).graph
    } catch {
      throw CommonFailure("\(error)", exitStatus: 2)
    }
    let stride = MemoryLayout<Float>.stride
    let arena = stride * graph.arenaCount
    let optimizer = ReadyMade.optimizer(configuration.training.optimizer)
    name = configuration.name
    model = configuration.model.kind.rawValue
    layers = graph.layers.map {
      Layer(
        name: $0.name, outputShape: $0.outputShape.extents, parameters: $0.parameterCount,
        forwardFlops: $0.forwardFlops, backwardFlops: $0.backwardFlops)
    }
    parameters = graph.parameters.map {
      Parameter(name: $0.name, shape: $0.shape.extents, isStatistic: $0.momentum != nil)
    }
    parameterCount = graph.parameterCount
    microbatch = configuration.training.microbatch
    batch = configuration.training.batch
    flopsPerSample = Double(graph.flops.forward + graph.flops.backward) / Double(graph.microbatch)
    flopsPerStep = flopsPerSample * Double(batch)
    let training = configuration.training
    // In the tree's order sums of microbatches wait for each other.
    let tree = training.reproducible ? ReductionTree(leaves: training.microbatchCount) : nil
    let buffers = tree.map { StepShare.buffers($0, size: 1) } ?? 1
    let addsWhole = LeafGradients.addsWhole(tree, run: 0..<training.microbatchCount)
    let staged = addsWhole ? Executor.stagedCount(graph) : (gradients: 0, scratch: 0)
    memory = Memory(
      parameters: arena, gradients: arena * buffers + stride * staged.gradients,
      optimizer: arena * (optimizer.stateCount + (training.emaDecay == nil ? 0 : 1)),
      optimizerIsSharded: training.optimizer.sharded,
      activations: stride * Executor.activationCount(graph), scratch: stride * staged.scratch,
      data: data.train.byteCount + data.test.byteCount)
  }

  public var json: String { JSONLine.encode(self) }

  /// For people.
  public var table: String {
    func grouped(_ count: Int) -> String { ProgressDisplay.grouped(Double(count)) }
    func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
    var rows = [["layer", "output", "parameters", "MFLOP forward", "backward"]]
    rows += layers.map { layer in
      [
        layer.name, layer.outputShape.map(String.init).joined(separator: " x "),
        layer.parameters == 0 ? "" : grouped(layer.parameters),
        layer.forwardFlops == 0 ? "" : String(format: "%.1f", Double(layer.forwardFlops) / 1e6),
        layer.backwardFlops == 0 ? "" : String(format: "%.1f", Double(layer.backwardFlops) / 1e6),
      ]
    }
    let lines = TextTable.lines(rows, left: [0, 1])
    return """
      \(name): \(model), \(grouped(parameterCount)) parameters; of a microbatch of \(microbatch) samples:

      \(lines.joined(separator: "\n"))

      forward and backward: \(String(format: "%.3f", flopsPerSample / 1e6)) MFLOP a sample, \
      \(String(format: "%.3f", flopsPerStep / 1e9)) GFLOP a step of \(batch) samples
      memory of a rank: parameters \(megabytes(memory.parameters)), gradients \(megabytes(memory.gradients)), \
      optimizer \(megabytes(memory.optimizer))\(memory.optimizerIsSharded ? " / ranks" : ""), activations \(megabytes(memory.activations)), \
      \(memory.scratch > 0 ? "scratch of a thread \(megabytes(memory.scratch)), " : "")data \
      \(megabytes(memory.data)); together \(megabytes(memory.total))\(memory.optimizerIsSharded ? " on one rank" : "")
      """
  }
}
