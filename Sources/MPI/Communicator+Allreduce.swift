import COpenMPI

extension Communicator {
  /// Combines the elements of all ranks; every rank gets the result.
  ///
  /// Collective. Both buffers have the same length on all ranks. After:
  /// `destination[i]` = s0`[i]` op s1`[i]` op ..., where sr is rank r's source. The order of floating point
  /// additions is the library's choice.
  ///
  /// MPI: MPI_Allreduce, MPI 3.1 section 5.9.6.
  public func allreduce<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueAllreduce(s, d, operation, .blocking)
    }
  }

  /// Combines the elements of all ranks in place: `buffer` holds this rank's elements before and the result
  /// after.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Allreduce with MPI_IN_PLACE, MPI 3.1 section 5.9.6.
  public func allreduce<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in try issueAllreduce(nil, b, operation, .blocking) }
  }

  /// Combines one value of each rank.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Allreduce, MPI 3.1 section 5.9.6.
  public func allreduce<T: MPIScalar>(_ value: T, _ operation: ReduceOperation) throws(MPIError) -> T {
    var value = value
    try withUnsafeMutablePointer(to: &value) { (value) throws(MPIError) in
      _ = try issueAllreduce(nil, Block(value, count: 1, type: T.datatype), operation, .blocking)
    }
    return value
  }

  /// Starts `allreduce`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Iallreduce, MPI 3.1 section 5.12.8.
  @_lifetime(copy source, &destination)
  public func startAllreduce<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueAllreduce(s, d, operation, .started)
      })
  }

  /// Starts `allreduce` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startAllreduce<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in try issueAllreduce(nil, b, operation, .started) })
  }

  /// Starts `allreduce` in place; the buffer is moved in and handed back by `wait()`.
  public func startAllreduce<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueAllreduce(nil, buffer.block, operation, .started), buffer)
  }

  private func issueAllreduce(
    _ source: Block?, _ destination: Block, _ operation: ReduceOperation, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    if let source { try checkCount(destination.count, is: source.count, in: "allreduce") }
    try compare("allreduce", mode, count: destination.count, of: destination.type)
    let op = operation.handle
    var calls = PendingCalls("startAllreduce", mode)
    try destination.count.forEachPiece(limit: pieceLimit) { (piece) throws(MPIError) in
      let from = source?[piece].address ?? rondo_mpi_in_place()
      let to = destination[piece]
      try calls.issue(
        "MPI_Allreduce", { MPI_Allreduce(from, to.address, to.count32, to.type.handle, op, handle) },
        started: { MPI_Iallreduce(from, to.address, to.count32, to.type.handle, op, handle, $0) })
    }
    return calls
  }
}
