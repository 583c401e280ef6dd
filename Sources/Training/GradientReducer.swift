import BLAS
import Collectives
import Graph
import MPI

/// Sums the gradient arena over the ranks, bucket by bucket, in one fixed order, and has each range updated as soon as it is reduced.
///
/// A step: `reached` with falling watermarks while backward runs, `update` in between with what is reduced by then, and at the end with
/// all that is left.
/// - By messages and with overlap, a communication thread reduces a bucket as soon as the watermark has passed it; without, `update`
///   reduces it itself. Every rank updates all parameters.
/// - In shared memory the last `update` reduces all, on all threads: that takes the cores no longer than a copy would, and a thread of
///   its own would only take them from the products. Each rank sums and updates its own chunk; the parameters are the ranks' common
///   ones, so the result need not travel.
/// - On one rank there is nothing to add, and a bucket is ready when backward has left it.
final class GradientReducer {
  /// In the order of their reduction.
  let buckets: [Range<Int>]
  let way: ReductionWay
  /// Why buckets do not travel while backward runs, though that was asked for; nil if they do, or need not.
  let overlapRefusal: String?

  private let gradients: Arena
  private let pool: ThreadPool
  /// Of the calling thread: how long it waits for buckets, reduces and updates.
  private let row: ThreadRow
  private let thread: CommunicationThread?
  private let shared: SharedAllreduce?
  private var executor: AllreduceExecutor?
  private var published = 0
  private var taken = 0
  private var isClosed = false
  /// Buckets of the steps before this one.
  private var base = 0

  /// Collective: all ranks of `world` make one, with the same arguments.
  init(
    _ way: ReductionWay, gradients: Arena, bucketBytes: Int, overlap: Bool, pool: ThreadPool,
    instruments: Instruments, world: borrowing Communicator
  ) throws(MPIError) {
    self.way = way
    row = instruments.compute
    self.gradients = gradients
    self.pool = pool
    let limit = if case .shared = way { gradients.count * MemoryLayout<Float>.stride } else { bucketBytes }
    buckets = Bucket.ranges(count: gradients.count, bytes: limit)
    for row in instruments.rows { row.algorithms = buckets.map { _ in way.name } }
    let level = try MPI.threadLevel
    switch way {
    case .messages(let algorithm) where world.size > 1 && !buckets.isEmpty:
      shared = nil
      if overlap && level == .multiple {
        let communicator = try world.duplicate()
        thread = CommunicationThread(
          algorithm, gradients: gradients, buckets: buckets, communicator: communicator,
          row: instruments.communication)
        executor = nil
        overlapRefusal = nil
      } else {
        thread = nil
        let progress = AllreduceProgress()
        row.follow(progress)
        executor = try AllreduceExecutor(algorithm, on: world, progress: progress)
        overlapRefusal =
          overlap
          ? "this MPI library grants thread level \(level), overlap needs multiple: buckets travel after backward"
          : nil
      }
    case .shared(let allreduce):
      (thread, overlapRefusal) = (nil, nil)
      shared = allreduce
      row.follow(allreduce.arenas.computation.progress)
      executor = nil
    case .messages:
      (thread, shared, overlapRefusal) = (nil, nil, nil)
      executor = nil
    }
  }

  /// Bytes, calls and seconds so far.
  var statistics: AllreduceStatistics {
    thread?.statistics ?? shared?.statistics ?? executor?.statistics ?? AllreduceStatistics()
  }

  /// Backward has left everything at and above `watermark`.
  func reached(_ watermark: Int) {
    var ready = published
    while ready < buckets.count && buckets[ready].lowerBound >= watermark { ready += 1 }
    thread?.queue.publish(ready - published)
    published = ready
  }

  /// Gives `body` the ranges that this rank is to update, each once a step, when they have been reduced.
  ///
  /// - Parameters:
  ///   - waits: until all that `reached` has named is reduced; false takes what is reduced already.
  ///   - body: in shared memory it is called by the threads of the pool, else by the caller.
  func update(waits: Bool, _ body: (Range<Int>) -> Void) throws(MPIError) {
    if let shared {
      guard waits, taken < published else { return }
      row.collective(Collective(.bucket, step: row.spans.step, count: gradients.count)) {
        shared.reduceScatter(0..<gradients.count, use: body)
      }
      record(shared.latest)
      taken = published
    }
    while taken < published {
      let bucket = buckets[taken]
      if let thread, !waits {
        guard thread.queue.isReduced(base + taken) else { return }
      } else if thread != nil || executor != nil {
        guard waits else { return }
        if let thread {
          row.spans.begin(.wait, taken)
          thread.queue.waitReduced(base + taken)
          row.spans.end()
        } else {
          try reduce(taken)
        }
      }
      row.spans.begin(.update, taken)
      taken += 1
      body(bucket)
      row.spans.end()
    }
  }

  /// Reduces a bucket on the calling thread.
  private func reduce(_ bucket: Int) throws(MPIError) {
    let range = buckets[bucket]
    let collective = Collective(.bucket, step: row.spans.step, bucket: bucket, count: range.count)
    try row.collective(collective) { () throws(MPIError) in
      row.spans.begin(.reduction, bucket)
      try executor?.allreduce(gradients[range])
      row.spans.end()
    }
  }

  /// Sums and updates alternate on all threads of the pool, block by block: they are drawn one after the other, as long as each took.
  private func record(_ phases: SharedAllreduce.Phases) {
    let summed = phases.met + phases.summingShare * (phases.done - phases.met)
    let times = [phases.began, phases.met, summed, phases.done, phases.ended].map { Int64($0 * 1e9) }
    row.spans.add(.rendezvous, from: times[0], to: times[1])
    row.spans.add(.reduction, from: times[1], to: times[2])
    row.spans.add(.update, from: times[2], to: times[3])
    row.spans.add(.rendezvous, from: times[3], to: times[4])
  }

  /// Makes ready for the next step.
  func endStep() {
    precondition(
      taken == buckets.count, "GradientReducer.endStep: \(buckets.count - taken) buckets were not taken")
    base += buckets.count
    published = 0
    taken = 0
  }

  /// Ends the communication thread and frees shared memory: what lay there is gone. Collective; call it after the last step. A second
  /// call does nothing.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    thread?.close()
    shared?.arenas.free()
  }

  // Dropped on the way of an error: the thread ends when it is idle. Nobody waits for it, as it may wait for ranks that are gone.
  deinit { thread?.queue.close() }
}
