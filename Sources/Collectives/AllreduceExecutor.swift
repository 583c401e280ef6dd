import MPI

/// Sums buffers over the ranks of a communicator, in place, again and again, by one algorithm or by the one that is best for a size.
///
/// It keeps what a call needs: a communicator of its own, workspace, and for each length its schedule, so
/// that only the first call with a length allocates. All ranks make the same calls in the same order, with
/// the same lengths and element types.
///
/// An executor belongs to one thread. A communication thread makes its own, on a communicator handed to it.
public struct AllreduceExecutor: ~Copyable {
  /// Which algorithm serves which size.
  public let selection: AllreduceSelection
  /// How elements travel. With bfloat16 the executor takes sums of Float and nothing else, and no algorithm
  /// of ``selection`` may be `mpi`: MPI sends what it is given.
  public var wire: WireFormat { executor.wire }
  /// Where the executor stands, for other threads.
  public var progress: AllreduceProgress { executor.progress }
  /// What it has done so far.
  public var statistics: AllreduceStatistics { executor.statistics }

  /// Elements that one schedule covers; longer buffers take several. Tests lower it. All ranks need the same
  /// value.
  package var pieceLimit = 1 << 30

  /// How long a wait polls before it gives way. Unless it is set, the first call finds what fits the ranks
  /// and cores of the machine. Set it on all ranks or on none.
  package var patience: Patience? {
    get { executor.patience }
    set { executor.patience = newValue }
  }

  private let fixed: (any ScheduledAllreduce)?
  private var executor: ScheduleExecutor

  /// An executor on a communicator of its own, which it frees at its end: for a communication thread.
  /// While others compute, it leaves them the cores: see `AllreduceProgress.isBesideWork`.
  public init(
    _ selection: AllreduceSelection, wire: WireFormat = .float32,
    owning communicator: consuming Communicator, progress: AllreduceProgress = .init()
  ) {
    self.init(selection, wire: wire, owning: communicator, progress: progress, fixed: nil)
  }

  /// An executor on a duplicate of `communicator`, for a thread that does nothing else while it waits. Where
  /// no more ranks than cores are on the machine, it waits without giving its core away.
  ///
  /// Collective.
  public init(
    _ selection: AllreduceSelection, wire: WireFormat = .float32,
    on communicator: borrowing Communicator, progress: AllreduceProgress = .init()
  ) throws(MPIError) {
    self.init(selection, wire: wire, owning: try communicator.duplicate(), progress: progress, fixed: nil)
  }

  /// One algorithm for every size. Collective.
  public init(
    _ algorithm: Algorithm, wire: WireFormat = .float32, on communicator: borrowing Communicator,
    progress: AllreduceProgress = .init()
  ) throws(MPIError) {
    try self.init(AllreduceSelection(algorithm), wire: wire, on: communicator, progress: progress)
  }

  /// An algorithm of one's own, or one with other than the default segments. The selection says ring, whatever the
  /// algorithm. Verify it first (``ScheduleVerifier``): what its schedules do is what is done. Collective.
  public init(
    _ algorithm: some ScheduledAllreduce, wire: WireFormat = .float32,
    on communicator: borrowing Communicator
  ) throws(MPIError) {
    self.init(
      AllreduceSelection(.ring), wire: wire, owning: try communicator.duplicate(),
      progress: AllreduceProgress(), fixed: algorithm)
  }

  private init(
    _ selection: AllreduceSelection, wire: WireFormat, owning communicator: consuming Communicator,
    progress: AllreduceProgress, fixed: (any ScheduledAllreduce)?
  ) {
    precondition(
      wire == .float32 || !selection.entries.contains { $0.algorithm == .mpi },
      "AllreduceExecutor: MPI_Allreduce cannot send \(wire); choose other algorithms, or wire float32")
    self.selection = selection
    self.fixed = fixed
    executor = ScheduleExecutor(owning: communicator, progress: progress, wire: wire)
  }

  /// Combines the elements of all ranks; every rank gets the result, in place, with the same bits on all
  /// ranks.
  ///
  /// Collective. The order of floating-point additions is the algorithm's:
  /// `ScheduledAllreduce.additionOrders`.
  ///
  /// MPI: as MPI_Allreduce with MPI_IN_PLACE, MPI 3.1 section 5.9.6.
  public mutating func allreduce<T: Reducible>(
    _ elements: inout MutableSpan<T>, _ reduction: Reduction = .sum
  ) throws(MPIError) {
    try elements.withPointer { buffer throws(MPIError) in try allreduce(buffer, reduction) }
  }

  /// As above, over memory that nobody else touches during the call: a range of an arena.
  package mutating func allreduce<T: Reducible>(
    _ elements: UnsafeMutableBufferPointer<T>, _ reduction: Reduction = .sum
  ) throws(MPIError) {
    precondition(
      wire == .float32 || T.self == Float.self && reduction == .sum,
      "AllreduceExecutor: \(wire) on the wire is for sums of Float, not for \(reduction) of \(T.self)")
    let began = executor.begin()
    let bytes = elements.count * wire.bytes(ofElement: MemoryLayout<T>.stride)
    let entry = selection.entry(bytes: bytes)
    let algorithm = fixed == nil ? entry.algorithm : .ring
    var bytesSentByMPI = 0
    if algorithm == .mpi {
      progress.enter(.mpi)
      var span = elements.mutableSpan
      try executor.communicator.allreduce(&span, reduction.operation)
      let size = executor.communicator.size
      bytesSentByMPI = bytes * 2 * (size - 1) / size
    } else if let base = elements.baseAddress {
      try run(entry, over: base, count: elements.count, elementBytes: MemoryLayout<T>.stride) {
        T.combine(reduction, $0, into: $1, count: $2)
      }
    }
    executor.end(began: began, bytesSentByMPI: bytesSentByMPI)
  }

  /// Runs the schedules of one call.
  private mutating func run(
    _ entry: AllreduceSelection.Entry, over memory: UnsafeMutableRawPointer, count: Int, elementBytes: Int,
    combine: (_ operand: UnsafeRawPointer, _ block: UnsafeMutableRawPointer, _ count: Int) -> Void
  ) throws(MPIError) {
    let fitting = try executor.segments()
    let segments = entry.segments ?? fitting
    let wireBytes = wire.bytes(ofElement: elementBytes)
    var offset = 0
    while offset < count {
      let piece = min(count - offset, pieceLimit)
      try executor.run(
        .allreduce, over: memory + offset * elementBytes, count: piece, elementBytes: elementBytes,
        combine: combine
      ) { [fixed] size, rank in
        let scheduled =
          fixed
          ?? entry.algorithm.scheduled(
            elementBytes: elementBytes, segments: segments, wireBytes: wireBytes)
        guard let scheduled else {
          preconditionFailure("\(entry.algorithm) has no schedules")
        }
        return scheduled.schedule(size: size, rank: rank, count: piece)
      }
      offset += piece
    }
  }
}
