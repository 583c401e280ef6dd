import COpenMPI

extension Communicator {
  /// Combines the elements of this rank and of all ranks before it.
  ///
  /// Collective. Both buffers have the same length on all ranks. After:
  /// `destination[i]` = s0`[i]` op ... op sr`[i]` with r = rank, where sr is rank r's source.
  ///
  /// MPI: MPI_Scan, MPI 3.1 section 5.11.1.
  public func scan<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueScan(s, d, operation, .blocking)
    }
  }

  /// The same in place: `buffer` holds this rank's elements before and the result after.
  ///
  /// MPI: MPI_Scan with MPI_IN_PLACE, MPI 3.1 section 5.11.1.
  public func scan<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in try issueScan(nil, b, operation, .blocking) }
  }

  /// Combines the values of ranks 0...rank.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Scan, MPI 3.1 section 5.11.1.
  public func scan<T: MPIScalar>(_ value: T, _ operation: ReduceOperation) throws(MPIError) -> T {
    var value = value
    try withUnsafeMutablePointer(to: &value) { (value) throws(MPIError) in
      _ = try issueScan(nil, Block(value, count: 1, type: T.datatype), operation, .blocking)
    }
    return value
  }

  /// Starts `scan`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Iscan, MPI 3.1 section 5.12.11.
  @_lifetime(copy source, &destination)
  public func startScan<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueScan(s, d, operation, .started)
      })
  }

  /// Starts `scan` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startScan<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in try issueScan(nil, b, operation, .started) })
  }

  /// Starts `scan` in place; the buffer is moved in and handed back by `wait()`.
  public func startScan<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueScan(nil, buffer.block, operation, .started), buffer)
  }

  private func issueScan(
    _ source: Block?, _ destination: Block, _ operation: ReduceOperation, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    if let source { try checkCount(destination.count, is: source.count, in: "scan") }
    try compare("scan", mode, count: destination.count, of: destination.type)
    let op = operation.handle
    var calls = PendingCalls("startScan", mode)
    try destination.count.forEachPiece(limit: pieceLimit) { (piece) throws(MPIError) in
      let from = source?[piece].address ?? rondo_mpi_in_place()
      let to = destination[piece]
      try calls.issue(
        "MPI_Scan", { MPI_Scan(from, to.address, to.count32, to.type.handle, op, handle) },
        started: { MPI_Iscan(from, to.address, to.count32, to.type.handle, op, handle, $0) })
    }
    return calls
  }
}
