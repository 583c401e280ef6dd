import COpenMPI

extension Communicator {
  /// Gives every rank the elements of all ranks, one block after another in the order of the ranks.
  ///
  /// Collective. `source` has the same length c on all ranks, `destination` has c * size elements. After:
  /// elements r * c ..< (r + 1) * c of `destination` are rank r's source.
  ///
  /// MPI: MPI_Allgather, MPI 3.1 section 5.7.
  public func allgather<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueAllgather(s, d, .blocking)
    }
  }

  /// The same in place: before, this rank's block already lies in its place in `buffer`.
  ///
  /// MPI: MPI_Allgather with MPI_IN_PLACE, MPI 3.1 section 5.7.
  public func allgather<T: MPIScalar>(_ buffer: inout MutableSpan<T>) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in try issueAllgather(nil, b, .blocking) }
  }

  /// The values of all ranks, in the order of the ranks.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Allgather, MPI 3.1 section 5.7.
  public func allgather<T: MPIScalar>(_ value: T) throws(MPIError) -> [T] {
    var values = [T](repeating: value, count: size)
    var span = values.mutableSpan
    try allgather(&span)
    return values
  }

  /// Starts `allgather`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Iallgather, MPI 3.1 section 5.12.5.
  @_lifetime(copy source, &destination)
  public func startAllgather<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in try issueAllgather(s, d, .started) })
  }

  /// Starts `allgather` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startAllgather<T: MPIScalar>(_ buffer: inout MutableSpan<T>) throws(MPIError) -> Request {
    Request(try withBlock(&buffer) { (b) throws(MPIError) in try issueAllgather(nil, b, .started) })
  }

  /// Starts `allgather` in place; the buffer is moved in and handed back by `wait()`.
  public func startAllgather<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueAllgather(nil, buffer.block, .started), buffer)
  }

  private func issueAllgather(
    _ source: Block?, _ destination: Block, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    let count = try blockCount(of: destination.count, in: "allgather")
    if let source { try checkCount(destination.count, is: source.count * size, in: "allgather") }
    try compare("allgather", mode, count: count, of: destination.type)
    let block = try LargeCount(count, blocks: size, of: destination.type, limit: pieceLimit)
    let from = source?.address ?? rondo_mpi_in_place()
    let (to, c, type) = (destination.address, block.count, block.type)
    var calls = PendingCalls("startAllgather", mode)
    try calls.issue(
      "MPI_Allgather", { MPI_Allgather(from, c, type, to, c, type, handle) },
      started: { MPI_Iallgather(from, c, type, to, c, type, handle, $0) })
    return calls
  }
}
