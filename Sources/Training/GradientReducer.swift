import BLAS
import Collectives
import Graph
import MPI

/// Sums the gradient arenas over the ranks, bucket by bucket, in one fixed order.
///
/// A step: `reached` with falling watermarks while backward runs, `finish` at its end.
/// - By messages and with overlap, a communication thread reduces a bucket as soon as the watermark has passed it; without, `finish` reduces
///   all. Every rank then has all sums; on two levels its chunk of each bucket, in sharded runs its share.
/// - In shared memory and on one rank there is nothing to send: sums are taken when parameters are updated (`ParameterUpdate`).
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

  /// Of the calling thread: how long it waits for buckets and reduces.
  private let row: ThreadRow
  private let thread: CommunicationThread?
  /// On the communication thread if there is one, else called by `finish`.
  private let allreduce: BucketAllreduce?
  /// Of the calling thread, in sharded runs.
  private let exchange: ShardExchange?
  /// Time in which buckets travelled while this rank computed gradients.
  private(set) var hiddenSeconds = 0.0
  private var published = 0
  private var isClosed = false
  /// Buckets of the steps before this one.
  private var base = 0
  /// What ranks read of each other's memory.
  private var sharedStatistics = AllreduceStatistics()

  /// Collective: all ranks of `world` make one, with the same arguments.
  ///
  /// - Parameters:
  ///   - buckets: in the order of their reduction.
  ///   - gradientStride: elements from one gradient arena to the next.
  ///   - arenas: what the ranks of this host share.
  ///   - keepers: who keeps copies of shares, in sharded runs.
  ///   - firstStep: of this life of the run.
  init(
    _ choice: AllreduceChoice, buckets: [Range<Int>], leaves: Int, gradients: [Arena], gradientStride: Int,
    arenas: SharedArenas?, keepers: ShareKeepers?, communication: Configuration.Communication,
    instruments: Instruments, firstStep: Int, world: borrowing Communicator
  ) throws(MPIError) {
    way = choice.way
    choiceSource = choice.source
    row = instruments.compute
    let count = gradients[0].count
    self.buckets = buckets
    let level = try MPI.threadLevel
    let overlaps = communication.overlap && level == .multiple
    let host = try world.splitByHost().allgather(world.rank)
    allreduce = try BucketAllreduce(
      way, leaves: leaves, wire: choice.wire, gradients: gradients, gradientStride: gradientStride,
      arenas: arenas, host: host, keepers: keepers, ownsThread: overlaps, world: world)
    let ranks = world.size
    names = buckets.map { choice.way.name(count: $0.count, carriers: choice.carriers, ranks: ranks) }
    for row in instruments.rows { row.algorithms = names }
    if case .sharded(let sum) = way, count > 0 {
      let exchange = try ShardExchange(sum, buckets: buckets, world: world)
      for progress in exchange.progress { row.follow(progress) }
      self.exchange = exchange
    } else {
      exchange = nil
    }
    if let arenas { row.follow(arenas.computation.progress, ranks: host) }
    let reducing = overlaps ? instruments.communication : row
    for (progress, ranks) in allreduce?.progress ?? [] { reducing.follow(progress, ranks: ranks) }
    if overlaps, let allreduce {
      allreduce.isBesideWork = true
      thread = CommunicationThread(allreduce, buckets: buckets, firstStep: firstStep, row: reducing)
    } else {
      thread = nil
    }
    overlapRefusal =
      communication.overlap && !overlaps && allreduce != nil
      ? "this MPI library grants thread level \(level), overlap needs multiple: buckets travel after backward"
      : nil
  }

  /// Bytes, calls and seconds so far.
  var statistics: AllreduceStatistics {
    var sum = thread?.statistics ?? allreduce?.statistics ?? sharedStatistics
    if let exchange { sum += exchange.statistics }
    return sum
  }

  /// The parts of the arena whose sums are complete on this rank after `finish`; all of it, where there is nothing to send.
  var shares: [Range<Int>] { buckets.map(share) }

  /// That of a bucket.
  func share(of bucket: Range<Int>) -> Range<Int> { allreduce?.share(of: bucket) ?? bucket }

  /// The parts of other ranks whose sums are complete here too.
  var copies: [Range<Int>] { buckets.flatMap(copies) }

  /// Those of a bucket.
  func copies(of bucket: Range<Int>) -> [Range<Int>] { allreduce?.copies(of: bucket) ?? [] }

  /// What this rank brings is complete at and above `watermark`.
  func reached(_ watermark: Int) {
    var ready = published
    while ready < buckets.count && buckets[ready].lowerBound >= watermark { ready += 1 }
    thread?.queue.publish(ready - published)
    published = ready
  }

  /// Returns when all buckets are reduced. Collective.
  ///
  /// - Parameters:
  ///   - computed: when this rank had computed its gradients, on the clock of spans.
  ///   - arrived: called with each bucket that is reduced, in their order, as long as the last one is not: there is time.
  func finish(computed: Int64, arrived: (_ bucket: Int) -> Void = { _ in }) throws(MPIError) {
    precondition(
      published == buckets.count, "GradientReducer.finish: \(buckets.count - published) buckets are missing")
    guard let allreduce else {
      published = 0
      return
    }
    for bucket in buckets.indices {
      guard let thread else {
        try reduce(bucket, allreduce)
        continue
      }
      if !thread.queue.isReduced(base + bucket) {
        row.spans.begin(.wait, bucket)
        allreduce.isBesideWork = false
        thread.queue.waitReduced(base + bucket)
        allreduce.isBesideWork = true
        row.spans.end()
      }
      if !thread.queue.isReduced(base + buckets.count - 1) { arrived(bucket) }
    }
    if let thread {
      for bucket in buckets.indices {
        let (begin, end) = thread.times[bucket]
        hiddenSeconds += Double(max(0, min(end, computed) - begin)) * 1e-9
      }
    }
    base += buckets.count
    published = 0
  }

  /// Reduces a bucket on the calling thread.
  private func reduce(_ bucket: Int, _ allreduce: BucketAllreduce) throws(MPIError) {
    let range = buckets[bucket]
    let collective = Collective(.bucket, step: row.spans.step, bucket: bucket, count: range.count)
    try row.collective(collective) { () throws(MPIError) in
      row.spans.begin(.reduction, bucket)
      try allreduce.reduce(range)
      row.spans.end()
    }
  }

  /// Makes the norms of all pieces known to all ranks, in sharded runs. Collective.
  ///
  /// - Parameter own: as of `ShardExchange.share`.
  func shareNorms(_ norms: UnsafeMutableBufferPointer<Double>, own: [Range<Int>]) throws(MPIError) {
    guard let exchange else { return }
    try row.collective(Collective(.weights, step: row.spans.step)) { () throws(MPIError) in
      row.spans.begin(.rendezvous)
      try exchange.share(norms, own: own)
      row.spans.end()
    }
  }

  /// Makes the parameters that each rank has updated known to all, in sharded runs. Collective.
  func gather(_ parameters: Arena) throws(MPIError) {
    guard let exchange else { return }
    for (bucket, range) in buckets.enumerated() {
      let collective = Collective(.weights, step: row.spans.step, bucket: bucket, count: range.count)
      try row.collective(collective) { () throws(MPIError) in
        row.spans.begin(.gather, bucket)
        try exchange.gather(parameters, bucket: bucket)
        row.spans.end()
      }
    }
  }

  /// Counts what this rank read in shared memory: so many elements of each of `others` ranks.
  func count(shared elements: Int, others: Int, seconds: Double) {
    sharedStatistics.calls += 1
    sharedStatistics.bytesSent += elements * MemoryLayout<Float>.stride * others
    sharedStatistics.seconds += seconds
  }

  /// Ends the communication thread. Collective; call it after the last step. A second call does nothing.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    thread?.close()
  }

  // Dropped on the way of an error: the thread ends when it is idle. Nobody waits for it, as it may wait for ranks that are gone.
  deinit { thread?.queue.close() }
}
