/// What a parallel region computes, as a value: for regions that must not allocate.
package protocol TileWork {
  /// Computes one tile. Called on any thread, on several at once, with different tiles.
  func compute(_ tile: Int)
}

extension TileWork {
  /// Computes a tile of the work that `memory` holds. The work's own retains and releases all happen inside.
  static func compute(_ tile: Int, of memory: UnsafeRawPointer) {
    memory.assumingMemoryBound(to: Self.self).pointee.compute(tile)
  }
}

/// A closure as work. In a struct of its own, which the compiler need not wrap.
struct ClosureWork: TileWork {
  let body: (Int) -> Void
  func compute(_ tile: Int) { body(tile) }
}

struct NoWork: TileWork {
  func compute(_ tile: Int) {}
}
