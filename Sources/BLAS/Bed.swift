import Glibc
import Synchronization

/// Where one thread sleeps until another wakes it. A wake-up is never lost and never kept for later: it takes effect
/// only on a thread that sleeps, or is about to.
///
/// `@unchecked Sendable` is safe because the semaphore is made to be used from several threads, and lives at a fixed
/// address until the last reference is gone.
final class Bed: @unchecked Sendable {
  /// The core that the thread last said it runs on; -1 while it sleeps.
  let core = Atomic<Int>(-1)

  private let occupied = Atomic<Bool>(false)
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  /// Sleeps until ``wake()``, unless `condition` holds already. Whoever makes the condition true must do so with
  /// sequentially consistent ordering before calling `wake()`; the condition must read so.
  func sleep(unless condition: () -> Bool) {
    occupied.store(true, ordering: .sequentiallyConsistent)
    if condition(), occupied.exchange(false, ordering: .sequentiallyConsistent) { return }
    // Either the condition does not hold, or someone is waking this thread already: the semaphore's count is taken.
    while sem_wait(semaphore) != 0 {}
  }

  /// Wakes the thread that sleeps here; false if none does.
  @discardableResult
  func wake() -> Bool {
    guard occupied.load(ordering: .sequentiallyConsistent),
      occupied.exchange(false, ordering: .sequentiallyConsistent)
    else { return false }
    sem_post(semaphore)
    return true
  }
}
