import MPI

/// The sum of a buffer over the ranks, in any of the ways there are, behind one call: what benchmarks and tuning measure.
public final class ArenaAllreduce {
  public let way: AllreduceWay
  /// This rank's elements.
  public let arena: UnsafeMutableBufferPointer<Float>

  private let means: Means
  /// Elements from one partial sum's buffer to the next, where there are several.
  private let stride: Int
  /// Buffers that this rank brings: one, but for the tree's order.
  private let partials: Int

  private enum Means {
    case shared(SharedAllreduce)
    case twoLevel(TwoLevelAllreduce)
    case messages(Messages)
    case tree(Tree)
  }

  // An enumeration cannot change a noncopyable value in place, but refer to it.
  private final class Messages {
    var executor: AllreduceExecutor
    init(_ executor: consuming AllreduceExecutor) { self.executor = executor }
  }
  private final class Tree {
    var executor: TreeExecutor
    init(_ executor: consuming TreeExecutor) { self.executor = executor }
  }

  /// Collective; all ranks pass the same arguments.
  ///
  /// - Parameters:
  ///   - way: one that the memory does not refuse.
  ///   - memory: what the ways of one benchmark take their buffers from.
  ///   - between: for `.auto` and `.twoLevel`, which algorithm serves between hosts.
  ///   - wire: of messages; in shared memory and in the tree's order elements are float32.
  public init(
    _ way: AllreduceWay, in memory: ArenaMemory, between: AllreduceSelection, wire: WireFormat = .float32,
    on world: borrowing Communicator
  ) throws(MPIError) {
    self.way = way
    stride = memory.count
    var partials = 1
    if way == .tree {
      partials = memory.tree.partials(of: memory.tree.run(ofRank: world.rank, size: world.size)).count
    }
    self.partials = partials
    if way == .shared || memory.isOneHost && way == .auto {
      let arenas = try memory.shared()
      means = .shared(SharedAllreduce(arenas))
      arena = arenas.mine
    } else if memory.isOneHost && way == .tree {
      let arenas = try memory.shared()
      means = .shared(SharedAllreduce(arenas, tree: memory.tree, count: memory.count))
      arena = arenas.mine
    } else if way == .tree && memory.hasSharedHosts && memory.hasEqualBlocks {
      let arenas = try memory.shared()
      means = .twoLevel(
        try TwoLevelAllreduce(arenas, tree: memory.tree, stride: memory.count, world: world))
      arena = arenas.mine
    } else if way == .tree {
      means = .tree(Tree(try TreeExecutor(leaves: memory.tree.leaves, on: world)))
      arena = memory.plain()
    } else if way == .twoLevel || memory.hasSharedHosts && way == .auto {
      let arenas = try memory.shared()
      means = .twoLevel(
        try TwoLevelAllreduce(arenas, world: world) { carriers, progress in
          AllreduceExecutor(between, wire: wire, owning: carriers, progress: progress)
        })
      arena = arenas.mine
    } else {
      let selection =
        if case .messages(let algorithm) = way { AllreduceSelection(algorithm) } else { between }
      means = .messages(Messages(try AllreduceExecutor(selection, wire: wire, on: world)))
      arena = memory.plain()
    }
  }

  /// Sums `range` of the arena over all ranks; every rank gets the result.
  ///
  /// Collective: all ranks call it with the same ranges in the same order.
  public func allreduce(_ range: Range<Int>) throws(MPIError) {
    switch means {
    case .shared(let shared): shared.allreduce(range)
    case .twoLevel(let twoLevel): try twoLevel.allreduce(range)
    case .messages(let messages):
      try messages.executor.allreduce(UnsafeMutableBufferPointer(rebasing: arena[range]))
    case .tree(let tree):
      try tree.executor.allreduce(
        (0..<partials).map { UnsafeMutableBufferPointer(rebasing: arena[range.shifted(by: $0 * stride)]) })
    }
  }

  /// Makes `range` zero in this rank's partial sums after the first, which a call leaves undefined.
  func clearOtherPartials(_ range: Range<Int>) {
    for partial in 0..<partials where partial > 0 {
      UnsafeMutableBufferPointer(rebasing: arena[range.shifted(by: partial * stride)]).update(repeating: 0)
    }
  }
}

/// The buffers that the ways of one benchmark share: one in plain memory, one in the host's shared memory, each made when the first way
/// asks for it.
public final class ArenaMemory {
  /// Whether all ranks are on one host.
  public let isOneHost: Bool
  /// Whether some host has several ranks.
  public let hasSharedHosts: Bool
  /// As of `HostLayout`.
  let hasEqualBlocks: Bool

  /// Of the tree's order.
  public let tree: ReductionTree
  /// Elements of the longest buffer.
  let count: Int

  private let host: Communicator
  private let partials: Int
  private var workspace = Workspace()
  private var arenas: SharedArenas?

  /// Collective.
  ///
  /// - Parameters:
  ///   - count: elements of the longest buffer.
  ///   - leaves: of the tree's order: at least as many as ranks.
  public init(count: Int, leaves: Int, on world: borrowing Communicator) throws(MPIError) {
    self.count = count
    host = try world.splitByHost()
    let layout = try HostLayout(of: world)
    isOneHost = layout.isOneHost
    hasSharedHosts = layout.hasSharedHosts
    hasEqualBlocks = layout.hasEqualBlocks
    let (tree, size) = (ReductionTree(leaves: leaves), world.size)
    self.tree = tree
    partials = (0..<size).map { tree.partials(of: tree.run(ofRank: $0, size: size)).count }.max() ?? 1
  }

  /// Why these ranks cannot sum in that way, or nil.
  public func refusal(of way: AllreduceWay) -> String? {
    switch way {
    case .shared where !isOneHost: "the algorithm shared is for ranks of one host; use two-level or auto"
    default: nil
    }
  }

  /// Elements on a page boundary.
  func plain() -> UnsafeMutableBufferPointer<Float> {
    workspace.reserve(byteCount: partials * count * MemoryLayout<Float>.stride)
    return UnsafeMutableBufferPointer(
      rebasing: workspace.bytes.bindMemory(to: Float.self)[..<(partials * count)])
  }

  /// Collective.
  func shared() throws(MPIError) -> SharedArenas {
    if let arenas { return arenas }
    let new = try SharedArenas(count: partials * count, on: host)
    arenas = new
    return new
  }

  /// Frees what ranks share. Collective; nothing may touch the buffers afterwards.
  public func free() { arenas?.free() }
}
