import MPI

/// ``ChunkCopy`` over MPI, again and again. As of ``CollectiveExecutor`` otherwise.
public struct ChunkCopyExecutor: ~Copyable {
  /// What it has done so far.
  public var statistics: AllreduceStatistics { executor.statistics }
  /// The ranks whose chunks this one keeps.
  public let kept: [Int]

  private var executor: ScheduleExecutor
  private let keepers: [Int]
  private let grain: Int?

  /// - Parameters:
  ///   - keepers: for each rank another one, the same on all ranks.
  ///   - grain: of the chunks, as of ``Chunks``.
  ///   - communicator: for this executor alone.
  ///   - sharesCore: whether other threads of the rank compute meanwhile.
  public init(
    keepers: [Int], grain: Int? = nil, owning communicator: consuming Communicator, sharesCore: Bool,
    progress: AllreduceProgress = .init()
  ) {
    precondition(keepers.count == communicator.size, "ChunkCopyExecutor: expected a keeper for each rank")
    self.keepers = keepers
    self.grain = grain
    kept = ChunkCopy(keepers: keepers, elementBytes: 4).kept(by: communicator.rank)
    executor = ScheduleExecutor(owning: communicator, progress: progress)
    if sharesCore { executor.patience = .sharedCore }
  }

  /// Rank r's chunk of `elements` goes to its keeper; a rank gets those that it keeps in their places. The rest stays. Collective.
  public mutating func copy<T: MPIScalar>(_ elements: inout MutableSpan<T>) throws(MPIError) {
    try elements.withPointer { buffer throws(MPIError) in try copy(buffer) }
  }

  /// The same over memory that nobody else touches during the call.
  package mutating func copy<T: MPIScalar>(_ elements: UnsafeMutableBufferPointer<T>) throws(MPIError) {
    let (count, elementBytes) = (elements.count, MemoryLayout<T>.stride)
    precondition(count <= 1 << 30, "ChunkCopyExecutor: \(count) elements are more than 2^30")
    let began = executor.begin()
    if let base = elements.baseAddress, count > 0 {
      try executor.run(.copy, over: base, count: count, elementBytes: elementBytes) { _, _, _ in
      } schedule: { [keepers, grain] size, rank in
        ChunkCopy(keepers: keepers, elementBytes: elementBytes, grain: grain)
          .schedule(size: size, rank: rank, count: count)
      }
    }
    executor.end(began: began)
  }
}
