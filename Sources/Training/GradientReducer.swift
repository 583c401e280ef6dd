import BLAS
import Collectives
import Graph
import MPI

/// Sums the gradient arena over the ranks, bucket by bucket, in one fixed order, and has each range updated as soon as it is reduced.
///
/// A step: `reached` with falling watermarks while backward runs, `update` in between with what is reduced by then, and at the end with
/// all that is left.
/// - Between hosts and with overlap, a communication thread reduces a bucket as soon as the watermark has passed it; without, `update`
///   reduces it itself. By messages of all ranks every rank gets all sums and updates all parameters; on two levels it gets its chunk of
///   each bucket, and updates that in the parameters that its host's ranks have in common.
/// - In shared memory the last `update` reduces all, on all threads: that takes the cores no longer than a copy would, and a thread of
///   its own would only take them from the products. Each rank sums and updates its own chunk; the parameters are the ranks' common
///   ones, so the result need not travel.
/// - On one rank there is nothing to add, and a bucket is ready when backward has left it.
final class GradientReducer {
  /// In the order of their reduction.
  let buckets: [Range<Int>]
  let way: ReductionWay
  /// The algorithm of each bucket.
  let names: [String]
  /// Where the choice of algorithms comes from; nil where there was none.
  let choiceSource: String?
  /// Why buckets do not travel while backward runs, though that was asked for; nil if they do, or need not.
  let overlapRefusal: String?

  private let gradients: Arena
  private let pool: ThreadPool
  /// Of the calling thread: how long it waits for buckets, reduces and updates.
  private let row: ThreadRow
  private let thread: CommunicationThread?
  private let shared: SharedAllreduce?
  /// On the communication thread if there is one, else called by `update`.
  private let allreduce: BucketAllreduce?
  private var published = 0
  private var taken = 0
  private var isClosed = false
  /// Buckets of the steps before this one.
  private var base = 0

  /// Collective: all ranks of `world` make one, with the same arguments.
  init(
    _ choice: AllreduceChoice, gradients: Arena, bucketBytes: Int, overlap: Bool, pool: ThreadPool,
    instruments: Instruments, world: borrowing Communicator
  ) throws(MPIError) {
    way = choice.way
    choiceSource = choice.source
    row = instruments.compute
    self.gradients = gradients
    self.pool = pool
    shared = if case .shared(let allreduce) = way { allreduce } else { nil }
    let limit = shared == nil ? bucketBytes : gradients.count * MemoryLayout<Float>.stride
    buckets = Bucket.ranges(count: gradients.count, bytes: limit)
    let level = try MPI.threadLevel
    let overlaps = overlap && level == .multiple
    let host = try world.splitByHost().allgather(world.rank)
    allreduce = try BucketAllreduce(
      way, wire: choice.wire, gradients: gradients, host: host, ownsThread: overlaps, world: world)
    names = buckets.map { choice.way.name(count: $0.count, carriers: choice.carriers) }
    for row in instruments.rows { row.algorithms = names }
    if let arenas = way.arenas { row.follow(arenas.computation.progress, ranks: host) }
    let reducing = overlaps ? instruments.communication : row
    for (progress, ranks) in allreduce?.progress ?? [] { reducing.follow(progress, ranks: ranks) }
    if overlaps, let allreduce {
      allreduce.isBesideWork = true
      thread = CommunicationThread(allreduce, buckets: buckets, row: reducing)
    } else {
      thread = nil
    }
    overlapRefusal =
      overlap && !overlaps && allreduce != nil
      ? "this MPI library grants thread level \(level), overlap needs multiple: buckets travel after backward"
      : nil
  }

  /// Bytes, calls and seconds so far.
  var statistics: AllreduceStatistics {
    thread?.statistics ?? shared?.statistics ?? allreduce?.statistics ?? AllreduceStatistics()
  }

  /// Backward has left everything at and above `watermark`.
  ///
  /// - Parameter readsParameters: whether an operation still reads their parameters. Where those are common to several ranks none may
  ///   be updated until all ranks have read it, so such buckets wait.
  func reached(_ watermark: Int, readsParameters: Bool = false) {
    if readsParameters && way.arenas != nil { return }
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
      } else if allreduce != nil {
        guard waits else { return }
        if let thread {
          row.spans.begin(.wait, taken)
          allreduce?.isBesideWork = false
          thread.queue.waitReduced(base + taken)
          allreduce?.isBesideWork = true
          row.spans.end()
        } else {
          try reduce(taken)
        }
      }
      row.spans.begin(.update, taken)
      taken += 1
      body(allreduce?.share(of: bucket) ?? bucket)
      row.spans.end()
    }
  }

  /// Reduces a bucket on the calling thread.
  private func reduce(_ bucket: Int) throws(MPIError) {
    let range = buckets[bucket]
    let collective = Collective(.bucket, step: row.spans.step, bucket: bucket, count: range.count)
    try row.collective(collective) { () throws(MPIError) in
      row.spans.begin(.reduction, bucket)
      try allreduce?.reduce(range)
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

  /// Makes ready for the next step, once all parameters are updated. Collective.
  func endStep() {
    precondition(
      taken == buckets.count, "GradientReducer.endStep: \(buckets.count - taken) buckets were not taken")
    if shared == nil, let arenas = way.arenas {
      // The next forward pass reads what the host's other ranks update in this one.
      row.collective(Collective(.weights, step: row.spans.step)) {
        row.spans.begin(.rendezvous)
        arenas.computation.meet()
        row.spans.end()
      }
    }
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
    way.arenas?.free()
  }

  // Dropped on the way of an error: the thread ends when it is idle. Nobody waits for it, as it may wait for ranks that are gone.
  deinit { thread?.queue.close() }
}
