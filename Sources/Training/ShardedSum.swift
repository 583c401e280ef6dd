import Collectives

/// How the gradients of a sharded run are summed, each share at the rank that updates it.
enum ShardedSum: Equatable {
  /// In the tree's order.
  case tree
  case ring, direct
  /// One of these two, by the size of a share.
  case fitting

  /// What an executor of collectives is to do, if it is not to decide by size.
  var algorithms: CollectiveExecutor.Algorithms? {
    let bytes = MemoryLayout<Float>.stride
    let grain = Bucket.grain
    return switch self {
    case .tree, .fitting: nil
    case .ring:
      .init(
        reduceScatter: RingReduceScatter(elementBytes: bytes, grain: grain),
        allgather: RingAllgather(elementBytes: bytes, grain: grain),
        broadcast: { ChainBroadcast(root: $0, elementBytes: bytes) })
    case .direct:
      .init(
        reduceScatter: DirectReduceScatter(elementBytes: bytes, grain: grain),
        allgather: DirectAllgather(elementBytes: bytes, grain: grain),
        broadcast: { BinomialBroadcast(root: $0, elementBytes: bytes) })
    }
  }

  /// The algorithm for a bucket of so many bytes, as summaries name it.
  func name(bytes: Int, ranks: Int) -> String {
    let algorithm =
      switch self {
      case .tree: "tree"
      case .ring: "ring"
      case .direct: "direct"
      case .fitting: CollectiveExecutor.isDirect(bytes: bytes, size: ranks) ? "direct" : "ring"
      }
    return "sharded/\(algorithm)"
  }
}
