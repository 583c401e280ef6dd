import Collectives

/// How buckets are summed over the ranks.
enum ReductionWay {
  /// By messages.
  case messages(Algorithm)
  /// In shared memory, where the gradients of all ranks and their one copy of the parameters lie: all ranks are on one host.
  case shared(SharedAllreduce)

  /// The algorithm's name in summaries.
  var name: String {
    switch self {
    case .messages(let algorithm): algorithm.rawValue
    case .shared: "shared"
    }
  }
}
