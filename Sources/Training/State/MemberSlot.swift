import Synchronization

/// What a member tells the others, each group of words on cache lines of its own.
struct MemberSlot {
  private let base: UnsafeMutableRawPointer
  init(_ base: UnsafeMutableRawPointer) { self.base = base }

  /// How often its threads have come to meet the others.
  var computation: UnsafeMutablePointer<Atomic<Int>> { atomic(0) }
  var communication: UnsafeMutablePointer<Atomic<Int>> { atomic(128) }
  /// The version that it has begun to update its pieces to: from then on the gradients of that step are complete in memory.
  var updating: UnsafeMutablePointer<Atomic<Int>> { atomic(256) }
  /// How that update treats gradients: `UpdateDecision`, as bits.
  var decision: UnsafeMutablePointer<Atomic<Int>> { atomic(264) }
  /// What it knows of the run's course.
  var records: ProgressRecords { ProgressRecords(base + 1024, recordBytes: 512) }
  /// What it brings to the step's verdict.
  var verdict: UnsafeMutablePointer<Int64> { (base + 384).assumingMemoryBound(to: Int64.self) }

  private func atomic(_ offset: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    (base + offset).assumingMemoryBound(to: Atomic<Int>.self)
  }
}
