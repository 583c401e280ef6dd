import Collectives
import Foundation
import Graph
import MPI
import Synchronization

/// The thread that reduces buckets while backward still runs. It has a communicator of its own, and is the only one to use it.
///
/// Open MPI moves non-blocking collectives only while some thread is inside MPI; this thread is that thread.
final class CommunicationThread: Sendable {
  let queue = BucketQueue()
  private let ended = DispatchSemaphore(value: 0)
  private let total = Mutex(AllreduceStatistics())

  /// The gradient arena, kept alive by the thread. Sendable is safe: the queue gives each bucket to one thread at a time.
  private struct Memory: @unchecked Sendable {
    let gradients: Arena
    let buckets: [Range<Int>]
  }

  /// - Parameters:
  ///   - buckets: ranges of `gradients` in the order of their reduction.
  ///   - communicator: of the thread alone.
  ///   - row: of the thread: its spans are the times of the reductions.
  init(
    _ algorithm: Algorithm, gradients: Arena, buckets: [Range<Int>], communicator: consuming Communicator,
    row: ThreadRow
  ) {
    let handoff = CommunicatorHandoff(communicator)
    let memory = Memory(gradients: gradients, buckets: buckets)
    let progress = AllreduceProgress()
    row.follow(progress)
    let thread = Thread { [self] in
      let executor = AllreduceExecutor(
        AllreduceSelection(algorithm), owning: handoff.take(), progress: progress)
      reduce(memory, executor, row)
      ended.signal()
    }
    thread.name = "rondo-comm"
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// What has been reduced so far.
  var statistics: AllreduceStatistics { total.withLock { $0 } }

  /// Ends the thread, and frees its communicator, when all published buckets have been reduced. All ranks close at the same point.
  func close() {
    queue.close()
    ended.wait()
  }

  private func reduce(_ memory: Memory, _ executor: consuming AllreduceExecutor, _ row: ThreadRow) {
    var executor = executor
    var number = 0
    while queue.waitPublished(number) {
      let (step, bucket) = number.quotientAndRemainder(dividingBy: memory.buckets.count)
      let range = memory.buckets[bucket]
      row.spans.step = step
      do throws(MPIError) {
        let collective = Collective(.bucket, step: step, bucket: bucket, count: range.count)
        try row.collective(collective) { () throws(MPIError) in
          row.spans.begin(.reduction, bucket)
          try executor.allreduce(memory.gradients[range])
          row.spans.end()
        }
      } catch {
        // Nobody waits for this thread's errors, and the other ranks wait for this one: end the job.
        MPI.abort(with: error)
      }
      let statistics = executor.statistics
      total.withLock { $0 = statistics }
      queue.markReduced()
      number += 1
    }
  }
}
