import Foundation
import Synchronization

/// Hands buckets from the compute thread to the communication thread and back, in order.
///
/// Both sides only count: the nth bucket published is the nth reduced, as the order of buckets is the same in every step and on every
/// rank.
final class BucketQueue: Sendable {
  private let published = Atomic<Int>(0)
  private let reduced = Atomic<Int>(0)
  private let isClosed = Atomic<Bool>(false)
  private let condition = NSCondition()

  /// Compute thread: `count` more buckets may be reduced.
  func publish(_ count: Int) {
    guard count > 0 else { return }
    condition.withLock {
      published.wrappingAdd(count, ordering: .releasing)
      condition.broadcast()
    }
  }

  /// Communication thread: waits until the bucket with that number has been published; false when the queue was closed.
  func waitPublished(_ number: Int) -> Bool {
    if published.load(ordering: .acquiring) > number { return true }
    return condition.withLock {
      while published.load(ordering: .acquiring) <= number {
        if isClosed.load(ordering: .acquiring) { return false }
        condition.wait()
      }
      return true
    }
  }

  /// Communication thread: the next bucket has been reduced.
  func markReduced() {
    condition.withLock {
      reduced.wrappingAdd(1, ordering: .releasing)
      condition.broadcast()
    }
  }

  /// Compute thread: whether the bucket with that number has been reduced.
  func isReduced(_ number: Int) -> Bool { reduced.load(ordering: .acquiring) > number }

  /// Compute thread: waits until the bucket with that number has been reduced.
  func waitReduced(_ number: Int) {
    if isReduced(number) { return }
    condition.withLock { while !isReduced(number) { condition.wait() } }
  }

  func close() {
    condition.withLock {
      isClosed.store(true, ordering: .releasing)
      condition.broadcast()
    }
  }
}
