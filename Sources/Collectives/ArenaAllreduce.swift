import MPI

/// The sum of a buffer over the ranks, in any of the ways there are, behind one call: what benchmarks and tuning measure.
public final class ArenaAllreduce {
  public let way: AllreduceWay
  /// This rank's elements.
  public let arena: UnsafeMutableBufferPointer<Float>

  private let means: Means

  private enum Means {
    case shared(SharedAllreduce)
    case twoLevel(TwoLevelAllreduce)
    case messages(Executor)
  }

  /// An enumeration cannot change a noncopyable value in place, but refer to it.
  private final class Executor {
    var allreduce: AllreduceExecutor
    init(_ allreduce: consuming AllreduceExecutor) { self.allreduce = allreduce }
  }

  /// Collective; all ranks pass the same arguments.
  ///
  /// - Parameters:
  ///   - way: `.shared` only where all ranks are on one host.
  ///   - memory: what the ways of one benchmark take their buffers from.
  ///   - between: for `.auto` and `.twoLevel`, which algorithm serves between hosts.
  public init(
    _ way: AllreduceWay, in memory: ArenaMemory, between: AllreduceSelection,
    on world: borrowing Communicator
  ) throws(MPIError) {
    self.way = way
    if way == .shared || memory.isOneHost && (way == .auto || way == .tree) {
      let arenas = try memory.shared()
      means = .shared(SharedAllreduce(arenas))
      arena = arenas.mine
    } else if way == .twoLevel || memory.hasSharedHosts && way == .auto {
      let arenas = try memory.shared()
      means = .twoLevel(
        try TwoLevelAllreduce(arenas, world: world) { communicator, progress in
          AllreduceExecutor(between, owning: communicator, progress: progress)
        })
      arena = arenas.mine
    } else {
      let selection =
        if case .messages(let algorithm) = way { AllreduceSelection(algorithm) } else { between }
      means = .messages(Executor(try AllreduceExecutor(selection, on: world)))
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
    case .messages(let executor):
      try executor.allreduce.allreduce(UnsafeMutableBufferPointer(rebasing: arena[range]))
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

  private let count: Int
  private let host: Communicator
  private var workspace = Workspace()
  private var arenas: SharedArenas?

  /// - Parameter count: elements of the longest buffer.
  ///
  /// Collective.
  public init(count: Int, on world: borrowing Communicator) throws(MPIError) {
    self.count = count
    host = try world.splitByHost()
    isOneHost = try world.allreduce(host.size, .minimum) == world.size
    hasSharedHosts = try world.allreduce(host.size, .maximum) > 1
  }

  /// Why these ranks cannot sum in that way, or nil.
  public func refusal(of way: AllreduceWay) -> String? {
    switch way {
    case .shared where !isOneHost: "the algorithm shared is for ranks of one host; use two-level or auto"
    case .tree where !isOneHost: "the algorithm tree is for ranks of one host"
    default: nil
    }
  }

  /// Elements on a page boundary.
  func plain() -> UnsafeMutableBufferPointer<Float> {
    workspace.reserve(byteCount: count * MemoryLayout<Float>.stride)
    return UnsafeMutableBufferPointer(rebasing: workspace.bytes.bindMemory(to: Float.self)[..<count])
  }

  /// Collective.
  func shared() throws(MPIError) -> SharedArenas {
    if let arenas { return arenas }
    let new = try SharedArenas(count: count, on: host)
    arenas = new
    return new
  }

  /// Frees what ranks share. Collective; nothing may touch the buffers afterwards.
  public func free() { arenas?.free() }
}
