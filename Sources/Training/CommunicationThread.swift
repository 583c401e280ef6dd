import Collectives
import Foundation
import Graph
import MPI
import Synchronization

/// The thread that reduces buckets while backward still runs. It is the only one to use the communicators with which it does so.
///
/// Open MPI moves non-blocking collectives only while some thread is inside MPI; this thread is that thread.
final class CommunicationThread: Sendable {
  let queue = BucketQueue()
  /// When the reduction of each bucket began and ended, in the step in which the queue has it reduced.
  let times: ReductionTimes
  private let ended = DispatchSemaphore(value: 0)
  private let total = Mutex(AllreduceStatistics())

  /// Sendable is safe: the thread alone uses what reduces, and the queue gives each bucket of the arena to one thread at a time.
  private struct Work: @unchecked Sendable {
    let allreduce: BucketAllreduce
    let buckets: [Range<Int>]
    let firstStep: Int
  }

  /// - Parameters:
  ///   - allreduce: of the thread alone, until it has ended.
  ///   - buckets: in the order of their reduction.
  ///   - firstStep: of this life of the run.
  ///   - row: of the thread: its spans are the times of the reductions.
  init(_ allreduce: BucketAllreduce, buckets: [Range<Int>], firstStep: Int, row: ThreadRow) {
    let work = Work(allreduce: allreduce, buckets: buckets, firstStep: firstStep)
    times = ReductionTimes(count: buckets.count)
    Thread.start("rondo-comm") { [self] in
      reduce(work, row)
      ended.signal()
    }
  }

  /// What has been reduced so far.
  var statistics: AllreduceStatistics { total.withLock { $0 } }

  /// Ends the thread when all published buckets have been reduced. All ranks close at the same point.
  func close() {
    queue.close()
    ended.wait()
  }

  private func reduce(_ work: Work, _ row: ThreadRow) {
    var number = 0
    while queue.waitPublished(number) {
      let (steps, bucket) = number.quotientAndRemainder(dividingBy: work.buckets.count)
      let step = work.firstStep + steps
      let range = work.buckets[bucket]
      row.spans.step = step
      do throws(MPIError) {
        let collective = Collective(.bucket, step: step, bucket: bucket, count: range.count)
        try row.collective(collective) { () throws(MPIError) in
          row.spans.begin(.reduction, bucket)
          try work.allreduce.reduce(range)
          row.spans.end()
        }
      } catch {
        // Nobody waits for this thread's errors, and the other ranks wait for this one: end the job.
        MPI.abort(with: error)
      }
      times[bucket] = row.spans.latest
      let statistics = work.allreduce.statistics
      total.withLock { $0 = statistics }
      queue.markReduced()
      number += 1
    }
  }
}

/// Times on this process's clock, in nanoseconds. `@unchecked Sendable` is safe because the queue gives each bucket's to one thread at a time.
final class ReductionTimes: @unchecked Sendable {
  private let times: UnsafeMutableBufferPointer<(begin: Int64, end: Int64)>

  init(count: Int) {
    times = .allocate(capacity: count)
    times.initialize(repeating: (0, 0))
  }

  deinit { times.deallocate() }

  subscript(bucket: Int) -> (begin: Int64, end: Int64) {
    get { times[bucket] }
    set { times[bucket] = newValue }
  }
}
