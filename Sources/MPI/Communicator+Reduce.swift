import COpenMPI

extension Communicator {
  /// Combines the elements of all ranks; `root` gets the result.
  ///
  /// Collective. `source` has the same length on all ranks. After, on the root:
  /// `destination[i]` = s0`[i]` op s1`[i]` op ..., where sr is rank r's source. Elsewhere `destination` is
  /// ignored and may be empty.
  ///
  /// MPI: MPI_Reduce, MPI 3.1 section 5.9.1.
  public func reduce<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation, root: Int
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueReduce(s, d, operation, root, .blocking)
    }
  }

  /// Combines the elements of all ranks in place: on the root, `buffer` holds its elements before and the
  /// result after. The others' buffers are only read.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Reduce with MPI_IN_PLACE, MPI 3.1 section 5.9.1.
  public func reduce<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation, root: Int
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in
      try issueReduce(nil, b, operation, root, .blocking)
    }
  }

  /// Combines one value of each rank. The result on the root, nil elsewhere.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Reduce, MPI 3.1 section 5.9.1.
  public func reduce<T: MPIScalar>(
    _ value: T, _ operation: ReduceOperation, root: Int
  ) throws(MPIError) -> T? {
    var value = value
    try withUnsafeMutablePointer(to: &value) { (value) throws(MPIError) in
      _ = try issueReduce(nil, Block(value, count: 1, type: T.datatype), operation, root, .blocking)
    }
    return rank == root ? value : nil
  }

  /// Starts `reduce`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Ireduce, MPI 3.1 section 5.12.7.
  @_lifetime(copy source, &destination)
  public func startReduce<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, _ operation: ReduceOperation, root: Int
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueReduce(s, d, operation, root, .started)
      })
  }

  /// Starts `reduce` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startReduce<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, _ operation: ReduceOperation, root: Int
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in try issueReduce(nil, b, operation, root, .started) })
  }

  /// Starts `reduce` in place; the buffer is moved in and handed back by `wait()`.
  public func startReduce<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, _ operation: ReduceOperation, root: Int
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueReduce(nil, buffer.block, operation, root, .started), buffer)
  }

  private func issueReduce(
    _ source: Block?, _ destination: Block, _ operation: ReduceOperation, _ root: Int, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    try checkRoot(root, in: "reduce")
    if let source, rank == root { try checkCount(destination.count, is: source.count, in: "reduce") }
    try compare("reduce", mode, count: (source ?? destination).count, of: destination.type, root: root)
    var calls = PendingCalls("startReduce", mode)
    // In place means MPI_IN_PLACE on the root; the others send what is in their buffer.
    try issueReduce(
      from: source ?? destination, to: destination, inPlace: source == nil, operation, root, &calls)
    return calls
  }

  /// The pieces of one reduction. The reduce-scatters use it too, for large counts.
  func issueReduce(
    from source: Block, to destination: Block, inPlace: Bool, _ operation: ReduceOperation, _ root: Int,
    _ calls: inout PendingCalls
  ) throws(MPIError) {
    let (op, type) = (operation.handle, source.type.handle)
    try source.count.forEachPiece(limit: pieceLimit) { (piece) throws(MPIError) in
      let from = inPlace && rank == root ? rondo_mpi_in_place() : source[piece].address
      let to = rank == root ? destination[piece].address : nil
      let count = source[piece].count32
      try calls.issue(
        "MPI_Reduce", { MPI_Reduce(from, to, count, type, op, Int32(root), handle) },
        started: { MPI_Ireduce(from, to, count, type, op, Int32(root), handle, $0) })
    }
  }
}
