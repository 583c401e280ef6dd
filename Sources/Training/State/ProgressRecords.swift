import Synchronization

/// The last records of a run's progress in the memory of its state: written before the update that makes their step, so that whichever
/// step the parameters are found at, its record is there.
struct ProgressRecords {
  private let base: UnsafeMutableRawPointer
  private let recordBytes: Int

  /// - Parameter recordBytes: from one record to the next.
  init(_ base: UnsafeMutableRawPointer, recordBytes: Int) {
    self.base = base
    self.recordBytes = recordBytes
  }

  /// Writes over the oldest record. One process at a time.
  func write(_ progress: TrainingProgress) {
    var (slot, oldest, newest) = (0, Int.max, 0)
    for candidate in slots {
      let number = number(candidate).pointee.load(ordering: .relaxed)
      newest = max(newest, number)
      if number < oldest { (slot, oldest) = (candidate, number) }
    }
    number(slot).pointee.store(0, ordering: .sequentiallyConsistent)
    progress.write(to: words(slot))
    number(slot).pointee.store(newest + 1, ordering: .sequentiallyConsistent)
  }

  /// The newest record of a step.
  func read(step: Int) -> TrainingProgress? {
    let found = slots.filter {
      number($0).pointee.load(ordering: .acquiring) > 0 && words($0)[0] == Int64(step)
    }
    let newest = found.max {
      number($0).pointee.load(ordering: .acquiring) < number($1).pointee.load(ordering: .acquiring)
    }
    return newest.map { TrainingProgress(words: UnsafePointer(words($0))) }
  }

  private var slots: Range<Int> { 0..<StateLayout.Core.recordCount }

  /// Counts records; 0 while a slot is written or empty.
  private func number(_ slot: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    (base + slot * recordBytes).assumingMemoryBound(to: Atomic<Int>.self)
  }

  private func words(_ slot: Int) -> UnsafeMutablePointer<Int64> {
    (base + slot * recordBytes + 64).assumingMemoryBound(to: Int64.self)
  }
}
