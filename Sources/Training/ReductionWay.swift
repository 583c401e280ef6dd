import Collectives

/// How gradients are summed over the ranks.
enum ReductionWay {
  /// There is one rank.
  case alone
  /// By messages of all ranks.
  case messages(AllreduceSelection)
  /// By messages of all ranks, in the tree's order.
  case tree
  /// In shared memory, where the gradients of all ranks and their one copy of the parameters lie: all ranks are on one host.
  case shared
  /// In shared memory, as above, within a host; by messages between hosts.
  case twoLevel(AllreduceSelection)

  /// Whether the ranks of a host have one copy of the parameters.
  var sharesMemory: Bool {
    switch self {
    case .alone, .messages, .tree: false
    case .shared, .twoLevel: true
    }
  }

  /// The algorithm that sums a bucket of so many elements, as summaries name it.
  func name(count: Int, carriers: Int = 1) -> String {
    let bytes = count * MemoryLayout<Float>.stride
    return switch self {
    case .alone: "none"
    case .messages(let selection): selection.algorithm(bytes: bytes).rawValue
    case .tree: "tree"
    case .shared: "shared"
    case .twoLevel(let selection): "two-level/\(selection.algorithm(bytes: bytes / carriers))"
    }
  }
}
