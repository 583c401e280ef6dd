/// How the schedules of all ranks follow from that of rank 0, where they do: rank r has the same actions, with the
/// same lengths, dependencies and window, and with a peer r places on (or, by `exclusiveOr`, as far from r) where rank 0
/// has peer q. Only where blocks lie may differ.
///
/// One schedule then says what thousands of ranks do.
public enum RankSymmetry: Sendable {
  /// q becomes (q + r) modulo size.
  case rotation
  /// q becomes q ^ r. The number of ranks is a power of two.
  case exclusiveOr

  /// Whom `rank` has in the place of the peer `peer` of rank 0.
  func peer(_ peer: Int, of rank: Int, size: Int) -> Int {
    switch self {
    case .rotation:
      let sum = peer + rank
      return sum < size ? sum : sum - size
    case .exclusiveOr: return peer ^ rank
    }
  }

  /// The peer of rank 0 in whose place `rank` has `peer`.
  func basePeer(_ peer: Int, of rank: Int, size: Int) -> Int {
    switch self {
    case .rotation:
      let difference = peer - rank
      return difference < 0 ? difference + size : difference
    case .exclusiveOr: return peer ^ rank
    }
  }
}
