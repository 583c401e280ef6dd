import COpenMPI

extension Communicator {
  /// Every rank sends a block to every rank, each of its own length.
  ///
  /// Collective. `sourceCounts[r]` elements of `source`, from `sourceDisplacements[r]` on, go to rank r,
  /// whose `destinationCounts[rank]` must say the same; they land in its `destination` from
  /// `destinationDisplacements[rank]` on.
  ///
  /// Displacements are in elements, blocks may not overlap in `destination`; nil stands for blocks that
  /// follow one another without gaps.
  ///
  /// MPI: MPI_Alltoallv, MPI 3.1 section 5.8.
  public func alltoall<T: MPIScalar>(
    _ source: Span<T>, sourceCounts: [Int], sourceDisplacements: [Int]? = nil,
    into destination: inout MutableSpan<T>, destinationCounts: [Int], destinationDisplacements: [Int]? = nil
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      let from = try alltoallLayout(sourceCounts, sourceDisplacements, s)
      let to = try alltoallLayout(destinationCounts, destinationDisplacements, d)
      return try issueAlltoall(s, from, d, to, .blocking)
    }
  }

  /// The same in place: `buffer` holds what is sent before and what came after, with one table for both, so
  /// `counts[r]` here is `counts[rank]` on rank r.
  ///
  /// MPI: MPI_Alltoallv with MPI_IN_PLACE, MPI 3.1 section 5.8.
  public func alltoall<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in
      let layout = try alltoallLayout(counts, displacements, b)
      return try issueAlltoall(nil, layout, b, layout, .blocking)
    }
  }

  /// Starts `alltoall`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Ialltoallv, MPI 3.1 section 5.12.6.
  @_lifetime(copy source, &destination)
  public func startAlltoall<T: MPIScalar>(
    _ source: Span<T>, sourceCounts: [Int], sourceDisplacements: [Int]? = nil,
    into destination: inout MutableSpan<T>, destinationCounts: [Int], destinationDisplacements: [Int]? = nil
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        let from = try alltoallLayout(sourceCounts, sourceDisplacements, s)
        let to = try alltoallLayout(destinationCounts, destinationDisplacements, d)
        return try issueAlltoall(s, from, d, to, .started)
      })
  }

  /// Starts `alltoall` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startAlltoall<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in
        let layout = try alltoallLayout(counts, displacements, b)
        return try issueAlltoall(nil, layout, b, layout, .started)
      })
  }

  /// Starts `alltoall`; the buffers are moved in and handed back by `wait()`.
  public func startAlltoall<T: MPIScalar>(
    _ buffers: consuming BufferPair<T>, sourceCounts: [Int], sourceDisplacements: [Int]? = nil,
    destinationCounts: [Int], destinationDisplacements: [Int]? = nil
  ) throws(MPIError) -> OwningRequest<BufferPair<T>> {
    let (s, d) = (buffers.source.block, buffers.destination.block)
    let from = try alltoallLayout(sourceCounts, sourceDisplacements, s)
    let to = try alltoallLayout(destinationCounts, destinationDisplacements, d)
    return OwningRequest(try issueAlltoall(s, from, d, to, .started), buffers)
  }

  private func alltoallLayout(
    _ counts: [Int], _ displacements: [Int]?, _ buffer: Block
  ) throws(MPIError) -> Layout {
    try Layout(
      counts: counts, displacements: displacements, in: buffer.count, size: size, call: "alltoall")
  }

  private func issueAlltoall(
    _ source: Block?, _ sent: Layout, _ destination: Block, _ received: Layout, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    // Open MPI 4.1 leaves a started in-place call early on a rank that moves nothing, and from then on its
    // messages no longer match those of the others: the next call hangs. Out of place is the same when there
    // is nothing to move.
    try compare("alltoall of varying counts", mode, of: destination.type)
    let hasNothing = mode == .started && source == nil && received.isEmpty
    let from = hasNothing ? Block.emptySource : source?.address ?? rondo_mpi_in_place()
    let (to, type) = (destination.address, destination.type.handle)
    let (sc, sd) = (sent.counts.values, sent.displacements.values)
    let (rc, rd) = (received.counts.values, received.displacements.values)
    var calls = PendingCalls("startAlltoall", mode)
    calls.keep(sent)
    calls.keep(received)
    try calls.issue(
      "MPI_Alltoallv", { MPI_Alltoallv(from, sc, sd, type, to, rc, rd, type, handle) },
      started: { MPI_Ialltoallv(from, sc, sd, type, to, rc, rd, type, handle, $0) })
    return calls
  }
}
