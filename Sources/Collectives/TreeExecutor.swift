import MPI

/// Sums over the ranks of a communicator in the order of one tree, so that the bits do not depend on the number of
/// ranks: ``TreeAllreduce`` over MPI, again and again.
///
/// As ``AllreduceExecutor`` it keeps a communicator of its own, workspace and schedules, belongs to one thread, and
/// allocates only in the first call with a length. All ranks make the same calls in the same order, with the same
/// lengths and element types.
///
/// ```swift
/// var executor = try TreeExecutor(leaves: 8, on: world)
/// // This rank's leaves, and how it has to add them up: see ReductionTree.sums(after:in:).
/// for leaf in executor.run { ... }
/// try executor.allreduce(&partialSums)  // executor.partials.count buffers, one after the other
/// ```
public struct TreeExecutor: ~Copyable {
  public let tree: ReductionTree
  /// The leaves of this rank.
  public let run: Range<Int>
  /// The subtrees whose sums this rank brings, in the order of its buffers.
  public let partials: [Range<Int>]
  /// Where the executor stands, for other threads.
  public var progress: AllreduceProgress { executor.progress }
  /// What it has done so far.
  public var statistics: AllreduceStatistics { executor.statistics }

  /// Elements of a buffer that one schedule covers; longer ones take several. Tests lower it. All ranks need the
  /// same value.
  package var pieceLimit: Int

  /// As of ``AllreduceExecutor``.
  package var patience: Patience? {
    get { executor.patience }
    set { executor.patience = newValue }
  }

  private var executor: ScheduleExecutor
  private let fixed: TreeAllreduce?
  /// As of ``TreeAllreduce``.
  private let runs: [Range<Int>]?
  /// Of the chunks of reduce-scatters, as of ``Chunks``.
  private let grain: Int?
  /// The buffers after the first, kept so that a call does not allocate.
  private var otherPartials: [UnsafeMutableRawPointer] = []

  /// An executor on a communicator of its own, which it frees at its end: for a communication thread. Such a
  /// thread shares its cores with those that compute, so its waits give way after some ten microseconds.
  ///
  /// - Parameters:
  ///   - leaves: at least as many as there are ranks.
  ///   - grain: of the chunks of reduce-scatters, as of ``Chunks``.
  ///   - runs: the leaves of each rank, as of ``TreeAllreduce``, for allreduces alone.
  public init(
    leaves: Int, grain: Int? = nil, runs: [Range<Int>]? = nil, owning communicator: consuming Communicator,
    progress: AllreduceProgress = .init()
  ) {
    self.init(leaves, fixed: nil, grain: grain, runs: runs, owning: communicator, progress: progress)
    patience = .sharedCore
  }

  /// An executor on a duplicate of `communicator`, for a thread that does nothing else while it waits.
  ///
  /// Collective.
  ///
  /// - Parameters:
  ///   - leaves: at least as many as there are ranks.
  ///   - grain: of the chunks of reduce-scatters, as of ``Chunks``.
  public init(
    leaves: Int, grain: Int? = nil, on communicator: borrowing Communicator,
    progress: AllreduceProgress = .init()
  ) throws(MPIError) {
    self.init(
      leaves, fixed: nil, grain: grain, runs: nil, owning: try communicator.duplicate(), progress: progress)
  }

  /// With given segments, for tests and tuning. Collective.
  package init(_ algorithm: TreeAllreduce, on communicator: borrowing Communicator) throws(MPIError) {
    self.init(
      algorithm.tree.leaves, fixed: algorithm, grain: nil, runs: algorithm.runs,
      owning: try communicator.duplicate(),
      progress: AllreduceProgress())
  }

  private init(
    _ leaves: Int, fixed: TreeAllreduce?, grain: Int?, runs: [Range<Int>]?,
    owning communicator: consuming Communicator, progress: AllreduceProgress
  ) {
    let tree = ReductionTree(leaves: leaves)
    let all = runs ?? tree.runs(size: communicator.size)
    self.tree = tree
    run = all[communicator.rank]
    partials = tree.partials(of: run)
    // As many buffers as a schedule's memory has room for, and as much on all ranks.
    pieceLimit = (1 << 30) / (tree.partials(of: all).map(\.count).max() ?? 1)
    self.fixed = fixed
    self.runs = runs
    self.grain = grain
    executor = ScheduleExecutor(owning: communicator, progress: progress)
  }

  /// Sums over all leaves in the tree's order; every rank gets the result in the first `count` elements, with the
  /// same bits on all ranks and for every number of ranks. The other elements are undefined after it.
  ///
  /// Collective.
  ///
  /// - Parameter elements: `partials.count` buffers of `count` elements, one after the other.
  public mutating func allreduce<T: Reducible>(
    _ elements: inout MutableSpan<T>, _ reduction: Reduction = .sum
  ) throws(MPIError) {
    precondition(
      elements.count % partials.count == 0,
      "rank \(executor.communicator.rank): tree allreduce: \(elements.count) elements are not "
        + "\(partials.count) buffers of equal length")
    try elements.withPointer { buffer throws(MPIError) in
      guard let base = buffer.baseAddress else { return try allreduce(nil, count: 0, T.self, reduction) }
      let count = buffer.count / partials.count
      otherPartials.removeAll(keepingCapacity: true)
      for partial in partials.indices.dropFirst() {
        otherPartials.append(UnsafeMutableRawPointer(base + partial * count))
      }
      try allreduce(UnsafeMutableRawPointer(base), count: count, T.self, reduction)
    }
  }

  /// As above, of `range` of buffers that lie apart, one for each of `partials`, which nobody else touches there during the call: the result
  /// comes into the first.
  package mutating func allreduce(
    _ buffers: [UnsafeMutablePointer<Float>], in range: Range<Int>
  ) throws(MPIError) {
    try allreduce(take(buffers, range), count: range.count, Float.self, .sum)
  }

  /// As above, but a rank gets only its chunk of the result, in its place in the first buffer: that of ``Chunks`` with the executor's
  /// grain. By ``TreeReduceScatter``. Collective.
  package mutating func reduceScatter(
    _ buffers: [UnsafeMutablePointer<Float>], in range: Range<Int>
  ) throws(MPIError) {
    let (first, count) = (take(buffers, range), range.count)
    precondition(runs == nil, "tree reduce-scatter: the leaves are divided evenly, or not at all")
    precondition(
      count <= pieceLimit,
      "rank \(executor.communicator.rank): tree reduce-scatter: \(count) elements, but at most \(pieceLimit) can be cut into "
        + "chunks at once")
    let began = executor.begin()
    if count > 0 {
      let elementBytes = MemoryLayout<Float>.stride
      let segments = try executor.segments()
      try executor.run(
        .reduceScatter, over: first, otherPartials: otherPartials, count: count, elementBytes: elementBytes
      ) {
        Float.combine(.sum, $0, into: $1, count: $2)
      } schedule: { [tree, grain] size, rank in
        TreeReduceScatter(
          leaves: tree.leaves, elementBytes: elementBytes, segments: segments, grain: grain
        )
        .schedule(size: size, rank: rank, count: count)
      }
    }
    executor.end(began: began)
  }

  /// Keeps where `range` begins in the buffers after the first, and gives where in that one.
  private mutating func take(
    _ buffers: [UnsafeMutablePointer<Float>], _ range: Range<Int>
  ) -> UnsafeMutableRawPointer {
    precondition(
      buffers.count == partials.count,
      "rank \(executor.communicator.rank): tree order: expected \(partials.count) buffers, found \(buffers.count)"
    )
    otherPartials.removeAll(keepingCapacity: true)
    for place in 1..<buffers.count {
      otherPartials.append(UnsafeMutableRawPointer(buffers[place] + range.lowerBound))
    }
    return UnsafeMutableRawPointer(buffers[0] + range.lowerBound)
  }

  private mutating func allreduce<T: Reducible>(
    _ first: UnsafeMutableRawPointer?, count: Int, _: T.Type, _ reduction: Reduction
  ) throws(MPIError) {
    let began = executor.begin()
    if let first {
      try reduce(first, count: count, elementBytes: MemoryLayout<T>.stride) {
        T.combine(reduction, $0, into: $1, count: $2)
      }
    }
    executor.end(began: began)
  }

  /// Runs the schedules of one call. Not generic, as the executor's.
  private mutating func reduce(
    _ first: UnsafeMutableRawPointer, count: Int, elementBytes: Int,
    combine: (_ operand: UnsafeRawPointer, _ block: UnsafeMutableRawPointer, _ count: Int) -> Void
  ) throws(MPIError) {
    let segments = try executor.segments()
    var offset = 0
    while offset < count {
      let piece = min(count - offset, pieceLimit)
      try executor.run(
        .allreduce, over: first + offset * elementBytes, otherPartials: otherPartials, count: piece,
        elementBytes: elementBytes, combine: combine
      ) { [fixed, tree, runs] size, rank in
        (fixed
          ?? TreeAllreduce(leaves: tree.leaves, elementBytes: elementBytes, segments: segments, runs: runs))
          .schedule(size: size, rank: rank, count: piece)
      }
      offset += piece
      for place in otherPartials.indices { otherPartials[place] += piece * elementBytes }
    }
  }
}
