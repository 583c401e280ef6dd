import COpenMPI

extension Communicator {
  /// Combines the elements of all ranks and gives each rank an equal part of the result.
  ///
  /// Collective. `destination` has the same length c on all ranks, `source` has c * size elements. After:
  /// `destination` holds elements rank * c ..< (rank + 1) * c of the combination.
  ///
  /// MPI: MPI_Reduce_scatter_block, MPI 3.1 section 5.10.1.
  public func reduceScatterBlock<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueReduceScatterBlock(s, d, operation, .blocking)
    }
  }

  /// The same in place: `buffer` holds all elements of this rank before; after, its first `buffer.count /
  /// size` elements are this rank's part, and the rest is undefined.
  ///
  /// MPI: MPI_Reduce_scatter_block with MPI_IN_PLACE, MPI 3.1 section 5.10.1.
  public func reduceScatterBlock<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in
      try issueReduceScatterBlock(nil, b, operation, .blocking)
    }
  }

  /// Starts `reduceScatterBlock`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Ireduce_scatter_block, MPI 3.1 section 5.12.9.
  @_lifetime(copy source, &destination)
  public func startReduceScatterBlock<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueReduceScatterBlock(s, d, operation, .started)
      })
  }

  /// Starts `reduceScatterBlock` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startReduceScatterBlock<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in
        try issueReduceScatterBlock(nil, b, operation, .started)
      })
  }

  /// Starts `reduceScatterBlock` in place; the buffer is moved in and handed back by `wait()`.
  public func startReduceScatterBlock<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, _ operation: ReduceOperation
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueReduceScatterBlock(nil, buffer.block, operation, .started), buffer)
  }

  private func issueReduceScatterBlock(
    _ source: Block?, _ destination: Block, _ operation: ReduceOperation, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    let whole = source ?? destination
    let count = try blockCount(of: whole.count, in: "reduceScatterBlock")
    if source != nil { try checkCount(destination.count, is: count, in: "reduceScatterBlock") }
    try compare("reduceScatterBlock", mode, count: whole.count, of: whole.type)
    if whole.count > pieceLimit {
      let counts = [Int](repeating: count, count: size)
      return try issueLargeReduceScatter(source, destination, counts, operation, mode)
    }
    let from = source?.address ?? rondo_mpi_in_place()
    let (to, count32) = (destination.address, Int32(count))
    let (type, op) = (destination.type.handle, operation.handle)
    var calls = PendingCalls("startReduceScatterBlock", mode)
    try calls.issue(
      "MPI_Reduce_scatter_block", { MPI_Reduce_scatter_block(from, to, count32, type, op, handle) },
      started: { MPI_Ireduce_scatter_block(from, to, count32, type, op, handle, $0) })
    return calls
  }
}
