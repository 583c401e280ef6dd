import Graph
import Optimizers

/// Which pieces are updated while the sums of other buckets are still on their way: those of the arena's upper end, which comes first.
///
/// Such an update has to be taken back if the run is killed before all sums are there: no one could do the rest. So where the state survives
/// its processes, parameters and states of these pieces are copied before they change (`ParameterUpdate`). A piece's gradients are of no use after
/// its update, and their place takes as many of the copies as there are gradient arenas; the others take memory, and a limit on it says
/// where early updates end. Plain descent and, with enough partial sums, other optimizers too take none.
struct EarlyUpdates: Equatable {
  /// The first of the pieces that may be updated early; all that follow may too.
  let first: Int
  /// Places at the end of an arena of state that hold the states of these pieces.
  let count: Int

  private static let defaultBytes = 64 << 20

  /// Nil, on all ranks, where nothing is updated early: where there is one bucket or buckets travel after backward, and where an update depends
  /// on the norm of the whole gradient or of tensors.
  ///
  /// - Parameters:
  ///   - buckets: in the order in which they are summed, from the arena's end to its start.
  ///   - needsNorms: whether norms have to be known before any piece is updated.
  ///   - core: of the state, or of a rank's share of it.
  ///   - buffers: gradient arenas of a rank.
  ///   - keepsCopies: whether updates have to be taken back if the run is killed.
  init?(
    _ pieces: UpdatePieces, buckets: [Range<Int>], needsNorms: Bool, core: StateLayout.Core, buffers: Int,
    keepsCopies: Bool, communication: Configuration.Communication
  ) {
    let limit =
      communication.earlyUpdateBytes ?? (keepsCopies && core.share != nil ? 0 : Self.defaultBytes)
    guard communication.overlap, limit > 0, !needsNorms, buckets.count > 1, let last = buckets.last
    else { return nil }
    let arenas = keepsCopies ? Self.arenas(stateCount: core.stateCount, buffers: buffers) : 0
    let most = arenas > 0 ? limit / MemoryLayout<Float>.stride / arenas : Int.max
    var (first, count) = (pieces.pieces.count, 0)
    while first > 0, case let offset = pieces.pieces[first - 1].range.lowerBound, offset >= last.upperBound {
      if core.share?.contains(offset) ?? true {
        let next = core.placeCount - core.statePlace(of: offset)
        guard next <= most else { break }
        count = next
      }
      first -= 1
    }
    (self.first, self.count) = (first, count)
  }

  /// Bytes of copies of a state that survives, on the rank with the most of them.
  ///
  /// - Parameters:
  ///   - ranks: that share the state out, in sharded runs.
  ///   - keepsNeighbour: whether a rank has a copy of another one's share.
  static func copiedBytes(
    _ graph: Graph, _ communication: Configuration.Communication, way: ReductionWay, ranks: Int,
    keepsNeighbour: Bool, needsNorms: Bool, stateCount: Int, buffers: Int
  ) -> Int {
    let pieces = UpdatePieces(graph)
    var core = StateLayout.Core(
      arenaCount: graph.arenaCount, stateCount: stateCount, pieceCount: pieces.pieces.count)
    let buckets = Bucket.ranges(
      count: graph.arenaCount, bytes: communication.bucketBytes, way, ranks: ranks,
      boundary: { pieces.boundary(notBelow: $0) })
    if way.isSharded {
      core.share = StateShare(
        of: buckets, rank: 0, size: ranks,
        keepers: keepsNeighbour ? ShareKeepers(hosts: [Array(0..<ranks)]) : nil)
    }
    let early = EarlyUpdates(
      pieces, buckets: buckets, needsNorms: needsNorms, core: core, buffers: buffers, keepsCopies: true,
      communication: communication)
    let arenas = arenas(stateCount: stateCount, buffers: buffers)
    return (early?.count ?? 0) * arenas * MemoryLayout<Float>.stride
  }

  /// Arenas of copies besides those that lie in the place of gradients.
  static func arenas(stateCount: Int, buffers: Int) -> Int { max(0, 1 + stateCount - buffers) }
}
