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

  /// Bytes that the rank with the most of them touches, where so many ranks of one host train: what the system counts as its resident memory.
  /// Where ranks share memory that is more than its part of it: all of the state, and what it reads of the others' gradients.
  public struct Memory: Codable, Sendable {
    public var ranks: Int
    /// The program and its libraries, before it does anything. MPI's and BLAS's own memory comes to it.
    public var program: Int
    public var parameters: Int
    /// In reproducible mode of as many arenas as partial sums wait at a time, and what is staged before it is added.
    public var gradients: Int
    /// With the average of the weights, if one is kept; in sharded runs by messages the rank's share.
    public var optimizer: Int
    /// Whether ranks without memory in common have a share each of it: `training.optimizer.sharded`.
    public var optimizerIsSharded: Bool
    /// Values, their gradients, saved buffers and scratch.
    public var activations: Int
    /// For each thread, besides.
    public var scratch: Int
    /// Training and held-out samples.
    public var data: Int
    /// While a checkpoint is written: the copy of what the disk has yet to take when the next update begins, at most.
    public var checkpoint: Int

    /// Without the copy.
    public var total: Int {
      program + parameters + gradients + optimizer + activations + scratch + data
    }
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

  /// - Parameters:
  ///   - data: what `configuration` loads.
  ///   - ranks: of one host, that train together.
  ///   - program: the resident memory of this process before it loaded anything.
  /// - Throws: also for more ranks than the configuration has microbatches.
  public init(_ configuration: Configuration, data: DatasetSplit, ranks: Int = 1, program: Int = 0) throws {
    try configuration.validate(ranks: ranks)
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
    let states = optimizer.stateCount + (training.emaDecay == nil ? 0 : 1)
    let isShared = ranks > 1 && [.auto, .shared, .twoLevel].contains(configuration.communication.algorithm)
    let isSharded = training.optimizer.sharded && !isShared
    // Arenas of weights, which one rank writes, and of all that is written.
    let weights = training.emaDecay == nil ? 1 : 2
    let tree = ReductionTree(leaves: training.microbatchCount)
    let addsWhole =
      training.reproducible
      && (0..<ranks).contains { LeafGradients.addsWhole(tree, run: tree.run(ofRank: $0, size: ranks)) }
    let staged = addsWhole ? Executor.stagedCount(graph) : (gradients: 0, scratch: 0)
    let arenas = Self.gradientArenas(training, ranks: ranks, isShared: isShared)
    memory = Memory(
      ranks: ranks, program: program, parameters: arena,
      gradients: Int(Double(arena) * arenas) + stride * staged.gradients,
      optimizer: arena * states / (isSharded ? ranks : 1), optimizerIsSharded: training.optimizer.sharded,
      activations: stride * Executor.activationCount(graph), scratch: stride * staged.scratch,
      data: data.train.byteCount + data.test.byteCount,
      checkpoint: arena * weights
        + (isSharded ? arena * states / ranks : max(0, arena * (weights + states) / ranks - arena * weights)))
  }

  /// How many gradient arenas a rank touches: its own, and where all share memory, its part of what the others bring to a sum.
  private static func gradientArenas(
    _ training: Configuration.Training, ranks: Int, isShared: Bool
  ) -> Double {
    let tree = ReductionTree(leaves: training.microbatchCount)
    // In the tree's order sums of microbatches wait for each other.
    let own = training.reproducible ? StepShare.buffers(tree, size: ranks) : 1
    guard isShared else { return Double(own) }
    let brought = (0..<ranks).map {
      training.reproducible ? tree.unfolded(of: tree.run(ofRank: $0, size: ranks)).count : 1
    }
    return Double(own) + Double(brought.reduce(0, +) - (brought.min() ?? 0)) / Double(ranks)
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
      memory of a rank\(memory.ranks == 1 ? "" : " of \(memory.ranks) on one host"): program \(megabytes(memory.program)), parameters \
      \(megabytes(memory.parameters)), gradients \(megabytes(memory.gradients)), optimizer \(megabytes(memory.optimizer))\
      \(memory.optimizerIsSharded && memory.ranks == 1 ? " / ranks" : ""), activations \(megabytes(memory.activations)), \
      \(memory.scratch > 0 ? "scratch of a thread \(megabytes(memory.scratch)), " : "")data \
      \(megabytes(memory.data)); together \(megabytes(memory.total)), and up to \(megabytes(memory.checkpoint)) more while a checkpoint is written
      """
  }
}
