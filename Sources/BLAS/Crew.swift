import CThreads
import Glibc
import Synchronization

/// What the threads of a ``ThreadPool`` share. The pool owns the crew and joins its threads; the threads keep the crew,
/// not the pool, alive.
///
/// How a region goes:
/// 1. Its caller takes `busy`, writes `job`, fills the shares, sets `unfinished` and then `unclaimed` to the number of tiles,
///    and wakes sleeping threads.
/// 2. Caller and threads claim tiles by counting `unclaimed` down with compare and exchange. A claim that succeeds keeps
///    the region alive until its tile is finished, hence `job` is read only after a claim, and is never written meanwhile.
///    The claim is for any one tile: its holder takes it from its own share, or where that is empty from another's.
/// 3. Each finished tile counts `unfinished` down. At 0 the caller goes on.
///
/// Waking is a tree: everyone who finds unclaimed tiles left wakes at most two sleepers, so that many threads start in
/// logarithmic time and a region that is over before a thread wakes costs one or two wake-ups, not one per thread.
///
/// `@unchecked Sendable` is safe because `job` alone is not atomic (the shares' bounds are like it), and rule 2 orders every read of it
/// after the write (acquire of `unclaimed`) and before the next one (release of `unfinished`).
final class Crew: @unchecked Sendable {
  private let unclaimed = PaddedCounter()
  private let unfinished = PaddedCounter()
  private let sleepers = PaddedCounter()
  private let busy = Atomic<Bool>(false)
  private let stopping = Atomic<Bool>(false)
  private var job: BorrowedClosure?
  /// Where each thread sleeps; 0 is the caller of the region.
  private let beds: [Bed]
  /// The tiles that each thread takes first.
  private let shares: [TileShare]
  private let spinNanoseconds: UInt64

  init(threads: Int, spins: Bool) {
    beds = (0..<threads).map { _ in Bed() }
    shares = (0..<threads).map { _ in TileShare() }
    // As long as the pieces of a training step that run on one thread take. OpenMP's libraries wait 1 to 200 ms.
    spinNanoseconds = spins ? 2_000_000 : 0
  }

  /// Runs a region on all threads; false, with nothing done, if one runs already.
  func runTogether(tiles: Int, _ body: (Int) -> Void) -> Bool {
    guard busy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      return false
    }
    BorrowedClosure.lending(body) { compute in
      job = compute
      for (index, share) in shares.enumerated() {
        share.fill(tiles * index / shares.count..<tiles * (index + 1) / shares.count)
      }
      unfinished.value.store(tiles, ordering: .relaxed)
      unclaimed.value.store(tiles, ordering: .sequentiallyConsistent)
      if spinNanoseconds > 0 { beds[0].core.store(CPUAffinity.core, ordering: .relaxed) }
      wakeSleepers()
      takeTiles(0)
      waitUntilFinished()
    }
    busy.store(false, ordering: .releasing)
    return true
  }

  func stop() {
    stopping.store(true, ordering: .sequentiallyConsistent)
    for bed in beds { bed.wake() }
  }

  /// Starts the thread that sleeps in bed `index`.
  func startThread(_ index: Int) -> Result<pthread_t, ThreadStartError> {
    let start = ThreadStart(crew: self, index: index)
    return start.run()
  }

  /// A thread's life.
  func work(_ index: Int) {
    while !stopping.load(ordering: .acquiring) {
      takeTiles(index)
      if !spin(until: { unclaimed.value.load(ordering: .relaxed) > 0 || stopping.load(ordering: .relaxed) }) {
        sleepers.value.wrappingAdd(1, ordering: .sequentiallyConsistent)
        beds[index].core.store(-1, ordering: .relaxed)
        beds[index].sleep(unless: {
          unclaimed.value.load(ordering: .sequentiallyConsistent) > 0
            || stopping.load(ordering: .sequentiallyConsistent)
        })
        sleepers.value.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        wakeSleepers()
        if spinNanoseconds > 0 { takeCoreOfOwn(index) }
      }
    }
  }

  /// After sleep: moves this thread away if it shares a core with another of the crew.
  ///
  /// Linux often wakes a thread on the core of the one that wakes it, and takes 5 to 50 ms to move it to an idle one:
  /// as long as dozens of products. This is no pinning: the scheduler may move the thread at any time.
  private func takeCoreOfOwn(_ index: Int) {
    func isTaken(_ core: Int) -> Bool {
      beds.indices.contains { $0 != index && beds[$0].core.load(ordering: .relaxed) == core }
    }
    if isTaken(CPUAffinity.core) { CPUAffinity.leaveCores(where: isTaken) }
    beds[index].core.store(CPUAffinity.core, ordering: .relaxed)
  }

  private func takeTiles(_ index: Int) {
    var left = unclaimed.value.load(ordering: .relaxed)
    while left > 0 {
      let claim = unclaimed.value.weakCompareExchange(
        expected: left, desired: left - 1, ordering: .acquiringAndReleasing)
      guard claim.exchanged else {
        left = claim.original
        continue
      }
      if let job { job(tile(for: index)) }
      if unfinished.value.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0 {
        beds[0].wake()
      }
      left = unclaimed.value.load(ordering: .relaxed)
    }
  }

  /// A tile for the thread that has just claimed one: of its own share, or of the next one around that has any left. Shares only
  /// shrink and hold as many tiles as there are claims to come and under way, so whoever has a claim finds one on its first way around.
  private func tile(for index: Int) -> Int {
    for owner in index..<index + shares.count {
      if let tile = shares[owner < shares.count ? owner : owner - shares.count].take() { return tile }
    }
    preconditionFailure("ThreadPool: a claim without a tile")
  }

  private func waitUntilFinished() {
    while !spin(until: { unfinished.value.load(ordering: .acquiring) == 0 }) {
      beds[0].sleep(unless: { unfinished.value.load(ordering: .sequentiallyConsistent) == 0 })
    }
  }

  /// Wakes at most two sleeping threads, if tiles are left for them.
  private func wakeSleepers() {
    guard sleepers.value.load(ordering: .sequentiallyConsistent) > 0 else { return }
    var woken = 0
    for bed in beds.dropFirst() {
      if woken == 2 || unclaimed.value.load(ordering: .relaxed) == 0 { return }
      if bed.wake() { woken += 1 }
    }
  }

  /// Waits awake for a while; true when `condition` held before that was over.
  ///
  /// First a few microseconds with the core to itself, then with a yield between looks: on an idle core that costs
  /// nothing, and where other processes want the core, or Linux has put two of the crew on one, the other one runs.
  @inline(__always)
  private func spin(until condition: () -> Bool) -> Bool {
    if condition() { return true }
    if spinNanoseconds == 0 { return false }
    for _ in 0..<500 {
      rondo_spin_pause()
      if condition() { return true }
    }
    let start = monotonicNanoseconds()
    repeat {
      for _ in 0..<4 {
        sched_yield()
        if condition() { return true }
      }
    } while monotonicNanoseconds() - start < spinNanoseconds
    return false
  }
}

private func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
