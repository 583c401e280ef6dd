import Collectives
import Graph

/// How buckets are summed over the ranks.
enum ReductionWay {
  /// By messages of all ranks.
  case messages(AllreduceSelection)
  /// In shared memory, where the gradients of all ranks and their one copy of the parameters lie: all ranks are on one host.
  case shared(SharedAllreduce)
  /// In shared memory, as above, within a host; by messages between hosts.
  case twoLevel(SharedArenas, AllreduceSelection)

  /// What the ranks of a host share; nil if nothing.
  var arenas: SharedArenas? {
    switch self {
    case .messages: nil
    case .shared(let allreduce): allreduce.arenas
    case .twoLevel(let arenas, _): arenas
    }
  }

  /// The algorithm that sums a bucket of so many elements, as summaries name it.
  func name(count: Int, carriers: Int = 1) -> String {
    let bytes = count * MemoryLayout<Float>.stride
    return switch self {
    case .messages(let selection): selection.algorithm(bytes: bytes).rawValue
    case .shared: "shared"
    case .twoLevel(_, let selection): "two-level/\(selection.algorithm(bytes: bytes / carriers))"
    }
  }
}
