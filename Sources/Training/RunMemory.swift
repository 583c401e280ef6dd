import Collectives
import Datasets
import Graph
import Optimizers

/// What a run takes of memory, before anything runs: what inspection prints, and what is compared with what there is (``MemoryLimit``).
///
/// Bytes that the rank with the most of them touches: what the system counts as its resident memory. Where ranks share memory that is more than
/// its part of it: all of the state, and what it reads of the others' gradients.
public struct RunMemory: Codable, Sendable, Equatable {
  public var ranks: Int
  /// The program and its libraries, with what MPI and BLAS take for themselves.
  public var program: Int
  public var parameters: Int
  /// In reproducible mode of as many arenas as partial sums wait at a time, and what is staged before it is added.
  public var gradients: Int
  /// With the average of the weights, if one is kept; in sharded runs by messages the rank's share.
  public var optimizer: Int
  /// Whether ranks without memory in common have a share each of it: `training.optimizer.sharded`.
  public var optimizerIsSharded: Bool
  /// The copy of another rank's share, in sharded runs whose states are copied to neighbours.
  public var copies: Int
  /// Copies by which updates of buckets that were there before others are taken back (`EarlyUpdates`).
  public var earlyCopies: Int
  /// Values, their gradients, saved buffers and scratch.
  public var activations: Int
  /// For each thread, besides.
  public var scratch: Int
  /// Training and held-out samples.
  public var data: Int
  /// While a checkpoint is written: the copy of what the disk has yet to take when the next update begins, at most.
  public var checkpoint: Int
  /// Of all ranks of the host with the most of them, each thing that they share counted once, with the copies of a checkpoint.
  public var host: Int

  /// What a rank of one thread has besides when it trains, of MPI, of BLAS and of pages of the program: 22 to 27 MB measured with Open MPI 4.1.4 and
  /// OpenBLAS 0.3.21.
  static let libraryBytes = 24_000_000

  /// Without the copy of a checkpoint.
  public var total: Int {
    program + parameters + gradients + optimizer + copies + earlyCopies + activations + scratch + data
  }

  /// - Parameters:
  ///   - rule: what makes updates of gradients.
  ///   - ranksPerHost: how many ranks each host has.
  ///   - areInBlocks: whether those of a host follow each other.
  ///   - program: the resident memory of a process before it loaded anything.
  ///   - threads: of a rank.
  ///   - isRun: whether there will be checkpoints and memory that survives, as the configuration says.
  init(
    _ configuration: Configuration, _ graph: Graph, optimizer rule: any Optimizer, data: DatasetSplit,
    ranksPerHost: [Int], areInBlocks: Bool = true, program: Int, threads: Int = 1, isRun: Bool = true
  ) {
    let (training, communication) = (configuration.training, configuration.communication)
    let stride = MemoryLayout<Float>.stride
    let arena = stride * graph.arenaCount
    let ranks = ranksPerHost.reduce(0, +)
    let here = ranksPerHost.max() ?? 1
    let states = rule.stateCount + (training.emaDecay == nil ? 0 : 1)
    // Between hosts shares of the state go by messages of all ranks. The tree's order does too where ranks were dealt out to hosts one by one.
    let isOneHost = ranksPerHost.count == 1
    let mayShare =
      switch communication.algorithm {
      case .auto: isOneHost || !training.optimizer.sharded && (!training.reproducible || areInBlocks)
      case .shared, .twoLevel: true
      default: false
      }
    let isShared = here > 1 && mayShare
    let isSharded = training.optimizer.sharded && !isShared && ranks > 1
    let keepsCopies =
      switch configuration.checkpoint.neighbourCopy {
      case .auto: ranksPerHost.count > 1
      case .always: true
      case .never: false
      }
    let tree = ReductionTree(leaves: training.microbatchCount)
    let addsWhole =
      training.reproducible
      && (0..<ranks).contains { LeafGradients.addsWhole(tree, run: tree.run(ofRank: $0, size: ranks)) }
    let staged = addsWhole ? Executor.stagedCount(graph) : (gradients: 0, scratch: 0)
    // In the tree's order sums of microbatches wait for each other.
    let own = training.reproducible ? StepShare.buffers(tree, size: ranks) : 1
    // What ranks that share memory bring to a sum, of which each reads its part.
    let brought = (0..<(isShared ? here : 0)).map { rank -> Int in
      let run = tree.run(ofRank: rank, size: ranks)
      return training.reproducible ? (isOneHost ? tree.unfolded(of: run) : tree.partials(of: run)).count : 1
    }
    let read = Double(brought.reduce(0, +) - (brought.min() ?? 0)) / Double(max(1, brought.count))
    // Arenas of weights, which one rank writes.
    let weights = training.emaDecay == nil ? 1 : 2
    let ownGradients = arena * own + stride * staged.gradients
    self.ranks = ranks
    let program = program + Self.libraryBytes
    self.program = program
    parameters = arena
    gradients = ownGradients + Int(Double(arena) * read)
    optimizer = arena * states / (isSharded ? ranks : 1)
    optimizerIsSharded = training.optimizer.sharded
    copies =
      isSharded && keepsCopies && isRun && configuration.checkpoint.survive ? arena * states / ranks : 0
    activations = stride * Executor.activationCount(graph)
    scratch = stride * staged.scratch
    self.data = data.train.byteCount + data.test.byteCount
    checkpoint =
      isRun
      ? arena * weights
        + (isSharded ? arena * states / ranks : max(0, arena * (weights + states) / ranks - arena * weights))
      : 0
    let early =
      isRun && configuration.checkpoint.survive && ranks > 1 && !(isShared && isOneHost)
        // Of larger models even the list of their pieces is large, and the copies are nothing.
        && arena < 1 << 38
      ? EarlyUpdates.copiedBytes(
        graph, communication, way: isShared ? .twoLevel(.tree) : isSharded ? .sharded(.tree) : .tree,
        ranks: ranks, keepsNeighbour: keepsCopies,
        needsNorms: training.clipNorm != nil || rule.needsNorms, stateCount: states, buffers: own) : 0
    earlyCopies = isShared ? early / here : early
    let state = parameters + optimizer + copies + early
    host =
      here * (program + ownGradients + activations + threads * scratch + self.data)
      + (isShared ? state : here * state) + min(here * checkpoint, arena * (weights + states))
  }

  /// Refuses what a machine with so many bytes cannot hold.
  func check(available: Int) throws(CommonFailure) { try check(MemoryLimit(bytes: available)) }

  /// Refuses what ranks of a host may not take.
  func check(_ limit: MemoryLimit = MemoryLimit()) throws(CommonFailure) {
    if let shortage = shortage(limit) { throw CommonFailure(shortage, exitStatus: 2) }
  }

  /// What there is too little of, and what to do; nil where a host has enough.
  func shortage(_ limit: MemoryLimit) -> String? {
    guard host > limit.bytes else { return nil }
    func gigabytes(_ bytes: Int) -> String { ProgressDisplay.number(Double(bytes) / 1e9) }
    let available =
      limit.file.map {
        "its control group may have \(gigabytes(limit.bytes)) GB (\($0)); ask for more (sbatch --mem), "
      }
      ?? "this machine has \(gigabytes(limit.bytes)) GB; "
    return
      "the model needs \(gigabytes(host)) GB on a host (each rank \(gigabytes(total)) and up to \(gigabytes(checkpoint)) while a checkpoint is "
      + "written) and \(available)make the model or training.microbatch smaller, or have fewer ranks on a host"
  }
}
