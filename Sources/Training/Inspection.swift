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
    public var forwardFlops: Double
    public var backwardFlops: Double
  }

  public struct Parameter: Codable, Sendable {
    public var name: String
    public var shape: [Int]
    /// A running statistic, not trained.
    public var isStatistic: Bool
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
  public var memory: RunMemory

  /// - Parameters:
  ///   - data: what `configuration` loads.
  ///   - ranks: that train together.
  ///   - hosts: over which they are spread evenly.
  ///   - program: the resident memory of this process before it loaded anything.
  /// - Throws: also for more ranks than the configuration has microbatches.
  public init(
    _ configuration: Configuration, data: DatasetSplit, ranks: Int = 1, hosts: Int = 1, program: Int = 0
  ) throws {
    try configuration.validate(ranks: ranks)
    let network: Network
    do {
      network = try Trainer.network(configuration, data: data)
    } catch {
      throw CommonFailure("\(error)", exitStatus: 2)
    }
    try configuration.validate(network, data)
    let graph = network.graph
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
    flopsPerSample = (graph.flops.forward + graph.flops.backward) / Double(graph.microbatch)
    flopsPerStep = flopsPerSample * Double(batch)
    memory = RunMemory(
      configuration, graph, optimizer: optimizer, data: data,
      ranksPerHost: (0..<hosts).map { ranks / hosts + ($0 < ranks % hosts ? 1 : 0) }, program: program)
  }

  public var json: String { JSONLine.encode(self) }

  /// For people, with a last line where a run would be refused if this machine were one of its hosts.
  public var table: String { table(MemoryLimit()) }

  func table(_ limit: MemoryLimit) -> String {
    func grouped(_ count: Int) -> String { ProgressDisplay.grouped(Double(count)) }
    func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
    var rows = [["layer", "output", "parameters", "MFLOP forward", "backward"]]
    rows += layers.map { layer in
      [
        layer.name, layer.outputShape.map(String.init).joined(separator: " x "),
        layer.parameters == 0 ? "" : grouped(layer.parameters),
        layer.forwardFlops == 0 ? "" : String(format: "%.1f", layer.forwardFlops / 1e6),
        layer.backwardFlops == 0 ? "" : String(format: "%.1f", layer.backwardFlops / 1e6),
      ]
    }
    let lines = TextTable.lines(rows, left: [0, 1])
    return """
      \(name): \(model), \(grouped(parameterCount)) parameters; of a microbatch of \(microbatch) samples:

      \(lines.joined(separator: "\n"))

      forward and backward: \(String(format: "%.3f", flopsPerSample / 1e6)) MFLOP a sample, \
      \(String(format: "%.3f", flopsPerStep / 1e9)) GFLOP a step of \(batch) samples
      memory of a rank\(memory.ranks == 1 ? "" : " of \(memory.ranks)"): program \(megabytes(memory.program)), parameters \
      \(megabytes(memory.parameters)), gradients \(megabytes(memory.gradients)), optimizer \(megabytes(memory.optimizer))\
      \(memory.optimizerIsSharded && memory.ranks == 1 ? " / ranks" : ""), \
      \(memory.copies > 0 ? "copy of a neighbour's share \(megabytes(memory.copies)), " : "")\
      \(memory.earlyCopies > 0 ? "copies for early updates \(megabytes(memory.earlyCopies)), " : "")activations \(megabytes(memory.activations)), \
      \(memory.scratch > 0 ? "scratch of a thread \(megabytes(memory.scratch)), " : "")data \
      \(megabytes(memory.data)); together \(megabytes(memory.total)), and up to \(megabytes(memory.checkpoint)) more while a checkpoint is written\
      \(memory.ranks == 1 ? "" : "; of all ranks of a host at most \(megabytes(memory.host))")\
      \(memory.shortage(limit).map { "\nrefused here: \($0)" } ?? "")
      """
  }
}
