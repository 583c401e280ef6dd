import COpenMPI

extension Communicator {
  /// Every rank sends a block to every rank.
  ///
  /// Collective. Both buffers have the same length c * size on all ranks. After: elements r * c ..< (r + 1) *
  /// c of `destination` are elements rank * c ..< (rank + 1) * c of rank r's source: the transpose of a
  /// matrix of blocks.
  ///
  /// MPI: MPI_Alltoall, MPI 3.1 section 5.8.
  public func alltoall<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueAlltoall(s, d, .blocking)
    }
  }

  /// The same in place: `buffer` holds what is sent before and what came after.
  ///
  /// MPI: MPI_Alltoall with MPI_IN_PLACE, MPI 3.1 section 5.8.
  public func alltoall<T: MPIScalar>(_ buffer: inout MutableSpan<T>) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in try issueAlltoall(nil, b, .blocking) }
  }

  /// Starts `alltoall`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Ialltoall, MPI 3.1 section 5.12.6.
  @_lifetime(copy source, &destination)
  public func startAlltoall<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in try issueAlltoall(s, d, .started) })
  }

  /// Starts `alltoall` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startAlltoall<T: MPIScalar>(_ buffer: inout MutableSpan<T>) throws(MPIError) -> Request {
    Request(try withBlock(&buffer) { (b) throws(MPIError) in try issueAlltoall(nil, b, .started) })
  }

  /// Starts `alltoall` in place; the buffer is moved in and handed back by `wait()`.
  public func startAlltoall<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueAlltoall(nil, buffer.block, .started), buffer)
  }

  private func issueAlltoall(
    _ source: Block?, _ destination: Block, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    let count = try blockCount(of: destination.count, in: "alltoall")
    if let source { try checkCount(source.count, is: destination.count, in: "alltoall") }
    try compare("alltoall", mode, count: count, of: destination.type)
    let block = try LargeCount(count, blocks: size, of: destination.type, limit: pieceLimit)
    let from = source?.address ?? rondo_mpi_in_place()
    let (to, c, type) = (destination.address, block.count, block.type)
    var calls = PendingCalls("startAlltoall", mode)
    try calls.issue(
      "MPI_Alltoall", { MPI_Alltoall(from, c, type, to, c, type, handle) },
      started: { MPI_Ialltoall(from, c, type, to, c, type, handle, $0) })
    return calls
  }
}
