import Synchronization

/// A copy of the piece that a thread is about to change.
struct UndoCopy {
  private let base: UnsafeMutableRawPointer
  init(_ base: UnsafeMutableRawPointer) { self.base = base }

  /// The piece whose values are here, and the version that they are: while the piece has that version, it may be changed in part. Nil while there
  /// is none.
  var noted: (piece: Int, version: Int)? {
    get {
      let word = word.pointee.load(ordering: .acquiring)
      return word == 0 ? nil : (word & 0xFFFF_FFFF - 1, word >> 32)
    }
    nonmutating set {
      let word = newValue.map { $0.version << 32 | ($0.piece + 1) } ?? 0
      self.word.pointee.store(word, ordering: .sequentiallyConsistent)
    }
  }

  private var word: UnsafeMutablePointer<Atomic<Int>> { base.assumingMemoryBound(to: Atomic<Int>.self) }
  /// Parameters, then the states, `StateLayout.undoStride` elements apart.
  var values: UnsafeMutablePointer<Float> {
    (base + StateLayout.undoHeader).assumingMemoryBound(to: Float.self)
  }
}
