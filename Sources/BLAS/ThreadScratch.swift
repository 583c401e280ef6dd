import Synchronization

/// Memory for each thread of a pool: a thread that needs some claims a slot, which no other then has, and releases it.
///
/// `@unchecked Sendable` is safe because the pointers never change, the claims are atomic, and a slot belongs to who has claimed it: the
/// release of one holder is ordered before the claim of the next.
package final class ThreadScratch: @unchecked Sendable {
  package let slots: Int
  /// Elements of a slot.
  package let count: Int

  private let memory: UnsafeMutablePointer<Float>
  private let claims: UnsafeMutablePointer<Atomic<Bool>>

  /// - Parameter slots: at least as many as threads claim at a time.
  package init(slots: Int, count: Int) {
    precondition(slots > 0, "ThreadScratch: expected at least one slot")
    self.slots = slots
    // Whole pages, so that no two threads write to one.
    self.count = (count + 1023) / 1024 * 1024
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(1, slots * self.count * 4), alignment: 4096)
    memory = bytes.bindMemory(to: Float.self, capacity: slots * self.count)
    claims = .allocate(capacity: slots)
    for slot in 0..<slots { (claims + slot).initialize(to: Atomic(false)) }
  }

  deinit {
    memory.deallocate()
    claims.deinitialize(count: slots)
    claims.deallocate()
  }

  package func claim() -> Int {
    while true {
      for slot in 0..<slots where !claims[slot].load(ordering: .relaxed) {
        if !claims[slot].exchange(true, ordering: .acquiring) { return slot }
      }
    }
  }

  package func release(_ slot: Int) { claims[slot].store(false, ordering: .releasing) }

  /// `count` elements.
  package subscript(slot: Int) -> UnsafeMutablePointer<Float> { memory + slot * count }
}
