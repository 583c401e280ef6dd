import MPI

/// Runs reduce-scatter, allgather and broadcast over the ranks of a communicator, in place, again and again.
///
/// Sharded optimizers update a part of the parameters on each rank: reduce-scatter the gradients, update, allgather
/// the parameters. A run that recovers broadcasts what one rank still has.
///
/// As ``AllreduceExecutor`` it keeps a communicator of its own, workspace and schedules, belongs to one thread, and
/// allocates only in the first call with a length. All ranks make the same calls in the same order, with the same
/// lengths, element types and roots. Which algorithm serves a call depends on the size and the bytes alone; each
/// function says how.
public struct CollectiveExecutor: ~Copyable {
  /// Where the executor stands, for other threads.
  public var progress: AllreduceProgress { executor.progress }
  /// What it has done so far.
  public var statistics: AllreduceStatistics { executor.statistics }

  /// Elements that one broadcast covers; longer buffers take several. The other collectives take no more. Tests
  /// lower it. All ranks need the same value.
  package var pieceLimit = 1 << 30

  /// As of ``AllreduceExecutor``.
  package var patience: Patience? {
    get { executor.patience }
    set { executor.patience = newValue }
  }

  private var executor: ScheduleExecutor
  /// What tests want instead of the choice by size.
  private let fixed: Algorithms?
  /// As of ``Chunks``.
  private let grain: Int?

  /// One algorithm for each collective, whatever the size.
  package struct Algorithms: Sendable {
    package var reduceScatter: any ScheduledCollective
    package var allgather: any ScheduledCollective
    package var broadcast: @Sendable (_ root: Int) -> any ScheduledCollective

    package init(
      reduceScatter: any ScheduledCollective, allgather: any ScheduledCollective,
      broadcast: @escaping @Sendable (_ root: Int) -> any ScheduledCollective
    ) {
      self.reduceScatter = reduceScatter
      self.allgather = allgather
      self.broadcast = broadcast
    }
  }

  /// An executor on a communicator of its own, which it frees at its end: for a communication thread. Such a
  /// thread shares its cores with those that compute, so its waits give way after some ten microseconds.
  ///
  /// - Parameter grain: of its chunks, as of ``Chunks``.
  public init(
    grain: Int? = nil, owning communicator: consuming Communicator, progress: AllreduceProgress = .init()
  ) {
    executor = ScheduleExecutor(owning: communicator, progress: progress)
    fixed = nil
    self.grain = grain
    patience = .sharedCore
  }

  /// An executor on a duplicate of `communicator`, for a thread that does nothing else while it waits.
  ///
  /// Collective.
  ///
  /// - Parameter grain: of its chunks, as of ``Chunks``.
  public init(
    grain: Int? = nil, on communicator: borrowing Communicator, progress: AllreduceProgress = .init()
  ) throws(MPIError) {
    executor = ScheduleExecutor(owning: try communicator.duplicate(), progress: progress)
    fixed = nil
    self.grain = grain
  }

  /// With given algorithms, for tests, tuning and configurations that name them. Collective.
  package init(
    _ algorithms: Algorithms, on communicator: borrowing Communicator, progress: AllreduceProgress = .init()
  ) throws(MPIError) {
    executor = ScheduleExecutor(owning: try communicator.duplicate(), progress: progress)
    fixed = algorithms
    grain = nil
  }

  /// The same on a communicator of its own, for a communication thread.
  package init(
    _ algorithms: Algorithms, owning communicator: consuming Communicator,
    progress: AllreduceProgress = .init()
  ) {
    executor = ScheduleExecutor(owning: communicator, progress: progress)
    fixed = algorithms
    grain = nil
    patience = .sharedCore
  }

  /// Whether a reduce-scatter or allgather of so many bytes is a direct exchange, where the choice is by size; else it is a ring.
  package static func isDirect(bytes: Int, size: Int) -> Bool { bytes <= Algorithms.directBytes * size }

  /// Rank r's chunk of `elements` becomes that chunk of the sum over all ranks; the other elements are undefined
  /// after it. The chunks are ``Chunks`` of the count, with the executor's grain.
  ///
  /// Collective. By ``DirectReduceScatter`` up to 64 KiB a chunk, by ``RingReduceScatter`` above.
  ///
  /// MPI: as MPI_Reduce_scatter with MPI_IN_PLACE, MPI 3.1 section 5.10.2, but that the chunk stays in its place.
  public mutating func reduceScatter<T: Reducible>(
    _ elements: inout MutableSpan<T>, _ reduction: Reduction = .sum
  ) throws(MPIError) {
    try elements.withPointer { buffer throws(MPIError) in try reduceScatter(buffer, reduction) }
  }

  /// Every rank's chunk of `elements` goes to all ranks: rank r brings chunk r, whatever the others held. The chunks
  /// are ``Chunks`` of the count, with the executor's grain.
  ///
  /// Collective. By ``DirectAllgather`` up to 64 KiB a chunk, by ``RingAllgather`` above.
  ///
  /// MPI: as MPI_Allgatherv with MPI_IN_PLACE, MPI 3.1 section 5.7.2.
  public mutating func allgather<T: MPIScalar>(_ elements: inout MutableSpan<T>) throws(MPIError) {
    try elements.withPointer { buffer throws(MPIError) in try allgather(buffer) }
  }

  /// The root's elements go to all ranks.
  ///
  /// Collective. Down a chain where that sends fewer segments one after the other than a binomial tree does: with m
  /// segments, size + m - 2 against m ceil(log2 size). See ``ChainBroadcast`` and ``BinomialBroadcast``.
  ///
  /// MPI: as MPI_Bcast, MPI 3.1 section 5.4.
  public mutating func broadcast<T: MPIScalar>(
    _ elements: inout MutableSpan<T>, root: Int
  ) throws(MPIError) {
    try elements.withPointer { buffer throws(MPIError) in try broadcast(buffer, root: root) }
  }
}

// Over memory that nobody else touches during the call: ranges of arenas.
extension CollectiveExecutor {
  package mutating func reduceScatter<T: Reducible>(
    _ elements: UnsafeMutableBufferPointer<T>, _ reduction: Reduction = .sum
  ) throws(MPIError) {
    try run(
      .reduceScatter, UnsafeMutableRawBufferPointer(elements), elementBytes: MemoryLayout<T>.stride
    ) {
      T.combine(reduction, $0, into: $1, count: $2)
    }
  }

  package mutating func allgather<T: MPIScalar>(_ elements: UnsafeMutableBufferPointer<T>) throws(MPIError) {
    try run(.allgather, UnsafeMutableRawBufferPointer(elements), elementBytes: MemoryLayout<T>.stride) {
      _, _, _ in
    }
  }

  package mutating func broadcast<T: MPIScalar>(
    _ elements: UnsafeMutableBufferPointer<T>, root: Int
  ) throws(MPIError) {
    precondition(
      0 <= root && root < executor.communicator.size,
      "rank \(executor.communicator.rank): broadcast: there is no root \(root) among "
        + "\(executor.communicator.size) ranks")
    try run(
      .broadcast(root: root), UnsafeMutableRawBufferPointer(elements), elementBytes: MemoryLayout<T>.stride
    ) { _, _, _ in }
  }

  /// Runs the schedules of one call. Not generic, as the executor's.
  private mutating func run(
    _ collective: Collective, _ memory: UnsafeMutableRawBufferPointer, elementBytes: Int,
    combine: (_ operand: UnsafeRawPointer, _ block: UnsafeMutableRawPointer, _ count: Int) -> Void
  ) throws(MPIError) {
    let began = executor.begin()
    let count = memory.count / elementBytes
    if case .broadcast = collective {
    } else {
      precondition(
        count <= pieceLimit,
        "rank \(executor.communicator.rank): \(collective): \(count) elements, but at most \(pieceLimit) can be "
          + "cut into chunks at once")
    }
    let segments = try executor.segments()
    var offset = 0
    while let base = memory.baseAddress, offset < count {
      let piece = min(count - offset, pieceLimit)
      try executor.run(
        collective, over: base + offset * elementBytes, count: piece, elementBytes: elementBytes,
        combine: combine
      ) { [fixed, grain] size, rank in
        let algorithm =
          fixed?[collective]
          ?? Algorithms.fitting(collective, size, piece, elementBytes, segments: segments, grain: grain)
        return algorithm.schedule(size: size, rank: rank, count: piece)
      }
      offset += piece
    }
    executor.end(began: began)
  }
}

extension CollectiveExecutor.Algorithms {
  /// Up to so many bytes a chunk, rounds cost more than messages do.
  fileprivate static let directBytes = 64 << 10

  fileprivate subscript(collective: Collective) -> any ScheduledCollective {
    switch collective {
    case .reduceScatter: reduceScatter
    case .allgather: allgather
    case .broadcast(let root): broadcast(root)
    case .allreduce, .copy: preconditionFailure("\(collective) has an executor of its own")
    }
  }

  /// What serves a call of that many elements best.
  fileprivate static func fitting(
    _ collective: Collective, _ size: Int, _ count: Int, _ elementBytes: Int, segments: Segments, grain: Int?
  ) -> any ScheduledCollective {
    let isDirect = CollectiveExecutor.isDirect(bytes: count * elementBytes, size: size)
    switch collective {
    case .reduceScatter where isDirect:
      return DirectReduceScatter(elementBytes: elementBytes, segments: segments, grain: grain)
    case .reduceScatter:
      return RingReduceScatter(elementBytes: elementBytes, segments: segments, grain: grain)
    case .allgather where isDirect:
      return DirectAllgather(elementBytes: elementBytes, segments: segments, grain: grain)
    case .allgather: return RingAllgather(elementBytes: elementBytes, segments: segments, grain: grain)
    case .broadcast(let root):
      let chain = ChainBroadcast(root: root, elementBytes: elementBytes, segments: segments)
      let number = (count + chain.segmentLength - 1) / chain.segmentLength
      let levels = Int.bitWidth - (size - 1).leadingZeroBitCount
      return size + number - 2 < number * levels
        ? chain : BinomialBroadcast(root: root, elementBytes: elementBytes, segments: segments)
    case .allreduce, .copy: preconditionFailure("\(collective) has an executor of its own")
    }
  }
}
