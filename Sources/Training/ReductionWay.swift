import Collectives

/// How gradients are summed over the ranks.
enum ReductionWay {
  /// There is one rank.
  case alone
  /// By messages of all ranks.
  case messages(AllreduceSelection)
  /// By messages of all ranks, in the tree's order.
  case tree
  /// By messages of all ranks, each of which gets the sums of its share and updates that; then they send each other their shares of
  /// the parameters.
  case sharded(ShardedSum)
  /// In shared memory, where the gradients of all ranks and their one copy of the parameters lie: all ranks are on one host.
  case shared
  /// In shared memory, as above, within a host; by messages between hosts.
  case twoLevel(HostSum)

  /// Whether the ranks of a host have one copy of the parameters.
  var sharesMemory: Bool {
    switch self {
    case .alone, .messages, .tree, .sharded: false
    case .shared, .twoLevel: true
    }
  }

  /// Whether a rank has a share only of the optimizer's state.
  var isSharded: Bool { if case .sharded = self { true } else { false } }

  /// Whether a rank has the sums of its share only, so that another one cannot finish its update unless these are complete in its memory.
  var sharesSums: Bool {
    switch self {
    case .alone, .messages, .tree, .shared: false
    case .sharded, .twoLevel: true
    }
  }

  /// The algorithm that sums a bucket of so many elements, as summaries name it.
  func name(count: Int, carriers: Int = 1, ranks: Int) -> String {
    let bytes = count * MemoryLayout<Float>.stride
    return switch self {
    case .alone: "none"
    case .messages(let selection): selection.algorithm(bytes: bytes).rawValue
    case .tree: "tree"
    case .sharded(let sum): sum.name(bytes: bytes, ranks: ranks)
    case .shared: "shared"
    case .twoLevel(.anyOrder(let selection)): "two-level/\(selection.algorithm(bytes: bytes / carriers))"
    case .twoLevel(.tree): "two-level/tree"
    }
  }
}

/// How the sums of hosts are added.
enum HostSum {
  case anyOrder(AllreduceSelection)
  /// In the tree's order.
  case tree
}
