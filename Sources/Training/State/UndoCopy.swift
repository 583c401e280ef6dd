import Synchronization

/// A copy of the piece that a thread is about to change.
struct UndoCopy {
  private let base: UnsafeMutableRawPointer
  init(_ base: UnsafeMutableRawPointer) { self.base = base }

  /// The piece plus 1; 0 for none.
  var piece: UnsafeMutablePointer<Atomic<Int>> { base.assumingMemoryBound(to: Atomic<Int>.self) }
  /// Parameters, then the states, `StateLayout.undoStride` elements apart.
  var values: UnsafeMutablePointer<Float> {
    (base + StateLayout.undoHeader).assumingMemoryBound(to: Float.self)
  }
}
