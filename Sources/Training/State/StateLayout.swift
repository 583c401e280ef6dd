import BLAS
import Optimizers

/// Where everything lies in the memory that holds the state of training: one replica of it, shared by the ranks of a host that
/// share memory, else of one rank.
///
/// ```
/// header | records of the session | versions of pieces | ranges of a share | parameters | states of the optimizer || slots of members | owners | early | norms | undo | gradients | copies
/// ```
///
/// What is left of `||` depends on the model and the optimizer alone and is what training comes to. The rest, the *tail*, belongs to a number of
/// ranks and threads, and is made anew when others take over.
struct StateLayout: Equatable {
  /// What depends on model and optimizer.
  struct Core: Equatable {
    /// Elements of an arena.
    var arenaCount: Int
    /// Arenas of state: the optimizer's, and the mean of the weights if there is one.
    var stateCount: Int
    var pieceCount: Int
    /// The parts of the arena whose state is here; nil for all of it.
    var share: StateShare?

    static let recordOffset = 4096
    static let recordBytes = 1024
    static let recordCount = 4
    static let versionsOffset = recordOffset + recordCount * recordBytes

    /// Three words for each range of a share.
    var rangesOffset: Int { line(Self.versionsOffset + 4 * pieceCount) }
    var parametersOffset: Int { page(rangesOffset + 24 * (share?.ranges.count ?? 0)) }
    /// Bytes from one arena to the next.
    var arenaStride: Int { page(4 * arenaCount) }
    /// Bytes from one arena of state to the next.
    var stateStride: Int { share.map { page(4 * $0.count) } ?? arenaStride }
    func stateOffset(_ index: Int) -> Int { parametersOffset + arenaStride + index * stateStride }
    /// Where in an arena of state that of the element at `offset` lies.
    func statePlace(of offset: Int) -> Int { share?.place(of: offset) ?? offset }
    /// Elements of an arena of state.
    var placeCount: Int { share?.count ?? arenaCount }
    var byteCount: Int { stateOffset(stateCount) }
  }

  /// What depends on the ranks that share it.
  struct Tail: Equatable {
    /// Ranks that share the replica.
    var members: Int
    /// Threads of each, at most.
    var threads: Int
    /// Gradient arenas of each.
    var buffers: Int
    /// Leaves of the tree in whose order the members' gradients are added when parameters are updated; 0: a piece's sum lies complete
    /// with the member that owns the piece.
    var leaves: Int
    /// Whether updates can be finished after they were cut off.
    var isJournaled: Bool
    /// Places at the end of an arena of state whose updates can be taken back: `EarlyUpdates.count`.
    var early = 0

    /// Without one nothing was under way, and this does for reading.
    static let none = Tail(members: 0, threads: 1, buffers: 1, leaves: 0, isJournaled: false)
  }

  var core: Core
  var tail: Tail

  static let slotBytes = 4096
  /// In front of each undo copy.
  static let undoHeader = 64
  /// In a piece's norms: the gradient's squared sum, and the optimizer's two.
  static let normCount = 3

  private var slotsOffset: Int { core.byteCount }
  func slotOffset(_ member: Int) -> Int { slotsOffset + member * Self.slotBytes }
  var ownersOffset: Int { slotOffset(tail.members) }
  var earlyOffset: Int { line(ownersOffset + 4 * core.pieceCount) }
  var normsOffset: Int { line(earlyOffset + 4 * core.pieceCount) }
  private var undoOffset: Int { page(normsOffset + 8 * Self.normCount * core.pieceCount) }
  /// Elements of an undo copy of one arena.
  var undoStride: Int { UpdatePieces.length }
  var undoBytes: Int {
    tail.isJournaled ? Self.undoHeader + 4 * undoStride * (1 + core.stateCount) : Self.undoHeader
  }
  func undoOffset(_ member: Int, _ thread: Int) -> Int {
    undoOffset + (member * tail.threads + thread) * undoBytes
  }
  private var gradientsOffset: Int { page(undoOffset(tail.members, 0)) }
  func gradientOffset(_ member: Int, _ buffer: Int) -> Int {
    gradientsOffset + (member * tail.buffers + buffer) * core.arenaStride
  }
  private var copiesOffset: Int { gradientOffset(tail.members, 0) }
  /// Arenas of copies for early updates, besides those that lie in the place of gradients.
  private var copyCount: Int {
    tail.early > 0 ? EarlyUpdates.arenas(stateCount: core.stateCount, buffers: tail.buffers) : 0
  }
  /// Bytes of an arena of copies.
  private var copyStride: Int { page(4 * tail.early) }
  func copyOffset(_ index: Int) -> Int { copiesOffset + index * copyStride }
  /// Where in an arena of copies that of the element at `offset` lies.
  func copyPlace(of offset: Int) -> Int { core.statePlace(of: offset) - (core.placeCount - tail.early) }
  var byteCount: Int { copyOffset(copyCount) }
}

private func page(_ offset: Int) -> Int { (offset + 4095) & ~4095 }
private func line(_ offset: Int) -> Int { (offset + 63) & ~63 }
