import Collectives
import Graph
import MPI

/// Sums the gradient arena over the ranks, bucket by bucket, in one fixed order.
///
/// A step: `reached` with falling watermarks while backward runs, `next` until it has given every bucket. With overlap, a communication
/// thread reduces a bucket as soon as the watermark has passed it; without, `next` reduces it itself. On one rank there is nothing to
/// add, and a bucket is ready when backward has left it.
final class GradientReducer {
  /// In the order of their reduction.
  let buckets: [Range<Int>]
  let algorithm: Algorithm
  /// Why buckets do not travel while backward runs, though that was asked for; nil if they do.
  let overlapRefusal: String?
  /// Time in which the calling thread had nothing to do but wait for a bucket.
  private(set) var exposedSeconds = 0.0

  private let gradients: Arena
  private let thread: CommunicationThread?
  private var executor: AllreduceExecutor?
  private var published = 0
  private var taken = 0
  private var isClosed = false
  /// Buckets of the steps before this one.
  private var base = 0

  /// Collective: all ranks of `world` make one, with the same arguments.
  init(
    _ algorithm: Algorithm, gradients: Arena, bucketBytes: Int, overlap: Bool, world: borrowing Communicator
  ) throws(MPIError) {
    self.algorithm = algorithm
    self.gradients = gradients
    buckets = Bucket.ranges(count: gradients.count, bytes: bucketBytes)
    guard world.size > 1, !buckets.isEmpty else {
      thread = nil
      executor = nil
      overlapRefusal = nil
      return
    }
    let level = try MPI.threadLevel
    if overlap && level == .multiple {
      let communicator = try world.duplicate()
      thread = CommunicationThread(
        algorithm, gradients: gradients, buckets: buckets, communicator: communicator)
      executor = nil
      overlapRefusal = nil
    } else {
      thread = nil
      executor = try AllreduceExecutor(algorithm, on: world)
      overlapRefusal =
        overlap
        ? "this MPI library grants thread level \(level), overlap needs multiple: buckets travel after backward"
        : nil
    }
  }

  /// Bytes, calls and seconds so far.
  var statistics: AllreduceStatistics {
    if let thread { return thread.statistics }
    return executor?.statistics ?? AllreduceStatistics()
  }

  /// Backward has left everything at and above `watermark`.
  func reached(_ watermark: Int) {
    var ready = published
    while ready < buckets.count && buckets[ready].lowerBound >= watermark { ready += 1 }
    thread?.queue.publish(ready - published)
    published = ready
  }

  /// The next bucket that has been reduced, or nil when there is none: none yet with `waits` false, none left in this step with
  /// `waits` true.
  func next(waits: Bool) throws(MPIError) -> Range<Int>? {
    guard taken < published else { return nil }
    if let thread {
      if waits {
        let start = MPI.wallTime()
        thread.queue.waitReduced(base + taken)
        exposedSeconds += MPI.wallTime() - start
      } else if !thread.queue.isReduced(base + taken) {
        return nil
      }
    } else if executor != nil {
      guard waits else { return nil }
      let start = MPI.wallTime()
      try executor?.allreduce(gradients[buckets[taken]])
      exposedSeconds += MPI.wallTime() - start
    }
    defer { taken += 1 }
    return buckets[taken]
  }

  /// Makes ready for the next step.
  func endStep() {
    precondition(
      taken == buckets.count, "GradientReducer.endStep: \(buckets.count - taken) buckets were not taken")
    base += buckets.count
    published = 0
    taken = 0
  }

  /// Ends the communication thread. Collective; call it after the last step. A second call does nothing.
  func close() {
    if !isClosed { thread?.close() }
    isClosed = true
  }

  // Dropped on the way of an error: the thread ends when it is idle. Nobody waits for it, as it may wait for ranks that are gone.
  deinit { thread?.queue.close() }
}
