/// Which values of a transformer are not kept for backward but computed again from those that are. Gradients are the same bits in each
/// case, unless there is dropout: `elementwise` has an operation more in each block, and draws differ by operation.
public enum Recomputation: String, Sendable, CaseIterable {
  /// Everything is kept.
  case nothing
  /// Norms and activations are computed again: a third less memory, and no product more.
  case elementwise
  /// Only what passes from block to block is kept: the memory of one block instead of all, for a third more time.
  case blocks
}
