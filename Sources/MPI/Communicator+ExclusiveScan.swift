import COpenMPI

extension Communicator {
  /// Combines the elements of all ranks before this one.
  ///
  /// Collective. Both buffers have the same length on all ranks. After: `destination[i]` = s0`[i]` op ... op
  /// sr`[i]` with r = rank - 1, where sr is rank r's source. On rank 0, which has none before it, the
  /// destination keeps what it held.
  ///
  /// MPI: MPI_Exscan, MPI 3.1 section 5.11.2.
  public func exclusiveScan<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueExclusiveScan(s, d, operation, .blocking)
    }
  }

  /// The same in place: `buffer` holds this rank's elements before and the result after.
  ///
  /// MPI: MPI_Exscan with MPI_IN_PLACE, MPI 3.1 section 5.11.2.
  public func exclusiveScan<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in try issueExclusiveScan(nil, b, operation, .blocking)
    }
  }

  /// Combines the values of ranks 0..<rank; nil on rank 0, which has none before it.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Exscan, MPI 3.1 section 5.11.2.
  public func exclusiveScan<T: MPIScalar>(
    _ value: T, _ operation: ReduceOperation
  ) throws(MPIError) -> T? {
    var value = value
    try withUnsafeMutablePointer(to: &value) { (value) throws(MPIError) in
      _ = try issueExclusiveScan(nil, Block(value, count: 1, type: T.datatype), operation, .blocking)
    }
    return rank == 0 ? nil : value
  }

  /// Starts `exclusiveScan`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Iexscan, MPI 3.1 section 5.12.12.
  @_lifetime(copy source, &destination)
  public func startExclusiveScan<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueExclusiveScan(s, d, operation, .started)
      })
  }

  /// Starts `exclusiveScan` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startExclusiveScan<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in try issueExclusiveScan(nil, b, operation, .started) })
  }

  /// Starts `exclusiveScan` in place; the buffer is moved in and handed back by `wait()`.
  public func startExclusiveScan<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueExclusiveScan(nil, buffer.block, operation, .started), buffer)
  }

  private func issueExclusiveScan(
    _ source: Block?, _ destination: Block, _ operation: ReduceOperation, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    if let source { try checkCount(destination.count, is: source.count, in: "exclusiveScan") }
    try compare("exclusiveScan", mode, count: destination.count, of: destination.type)
    let op = operation.handle
    var calls = PendingCalls("startExclusiveScan", mode)
    try destination.count.forEachPiece(limit: pieceLimit) { (piece) throws(MPIError) in
      let from = source?[piece].address ?? rondo_mpi_in_place()
      let to = destination[piece]
      try calls.issue(
        "MPI_Exscan", { MPI_Exscan(from, to.address, to.count32, to.type.handle, op, handle) },
        started: { MPI_Iexscan(from, to.address, to.count32, to.type.handle, op, handle, $0) })
    }
    return calls
  }
}
