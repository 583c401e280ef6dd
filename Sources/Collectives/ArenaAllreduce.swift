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
    case messages(ExecutorBox<AllreduceExecutor>)
    case tree(ExecutorBox<TreeExecutor>, partials: [UnsafeMutablePointer<Float>])
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
    partials = way == .tree ? memory.tree.partials(size: world.size)[world.rank].count : 1
    if way == .shared || memory.isOneHost && way == .auto {
      let arenas = try memory.shared()
      means = .shared(SharedAllreduce(arenas))
      arena = arenas.mine
    } else if memory.isOneHost && way == .tree {
      let arenas = try memory.shared()
      means = .shared(SharedAllreduce(arenas, tree: memory.tree, count: memory.count))
      arena = arenas.mine
    } else if way == .tree && memory.hasSharedHosts && memory.isInBlocks {
      let arenas = try memory.shared()
      means = .twoLevel(
        try TwoLevelAllreduce(arenas, tree: memory.tree, stride: memory.count, world: world))
      arena = arenas.mine
    } else if way == .tree {
      let (plain, stride, partials) = (memory.plain(), memory.count, partials)
      let bases = plain.baseAddress.map { base in (0..<partials).map { base + $0 * stride } }
      means = .tree(
        ExecutorBox(try TreeExecutor(leaves: memory.tree.leaves, on: world)), partials: bases ?? [])
      arena = plain
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
      means = .messages(ExecutorBox(try AllreduceExecutor(selection, wire: wire, on: world)))
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
    case .tree(let tree, let partials): try tree.executor.allreduce(partials, in: range)
    }
  }

  /// Makes `range` zero in this rank's partial sums after the first, which a call leaves undefined.
  func clearOtherPartials(_ range: Range<Int>) {
    for partial in 0..<partials where partial > 0 {
      UnsafeMutableBufferPointer(rebasing: arena[range.shifted(by: partial * stride)]).update(repeating: 0)
    }
  }
}
