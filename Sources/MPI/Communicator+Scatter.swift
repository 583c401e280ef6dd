import COpenMPI

extension Communicator {
  /// Cuts `root`'s elements into equal blocks and gives each rank its own.
  ///
  /// Collective. `destination` has the same length c on all ranks; on the root `source` has c * size
  /// elements, elsewhere it is ignored and may be empty. After: `destination` holds elements rank * c ..<
  /// (rank + 1) * c of the root's source.
  ///
  /// MPI: MPI_Scatter, MPI 3.1 section 5.6.
  public func scatter<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, root: Int
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueScatter(s, d, root, .blocking)
    }
  }

  /// The same in place: the root's `buffer` has c * size elements and stays as it is; the others' buffers get
  /// their c elements.
  ///
  /// MPI: MPI_Scatter with MPI_IN_PLACE, MPI 3.1 section 5.6.
  public func scatter<T: MPIScalar>(_ buffer: inout MutableSpan<T>, root: Int) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in try issueScatter(nil, b, root, .blocking) }
  }

  /// Starts `scatter`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Iscatter, MPI 3.1 section 5.12.4.
  @_lifetime(copy source, &destination)
  public func startScatter<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, root: Int
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueScatter(s, d, root, .started)
      })
  }

  /// Starts `scatter` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startScatter<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, root: Int
  ) throws(MPIError) -> Request {
    Request(try withBlock(&buffer) { (b) throws(MPIError) in try issueScatter(nil, b, root, .started) })
  }

  /// Starts `scatter` in place; the buffer is moved in and handed back by `wait()`.
  public func startScatter<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, root: Int
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueScatter(nil, buffer.block, root, .started), buffer)
  }

  /// `source` is nil in place: then `buffer` is the whole on the root, and a block elsewhere.
  private func issueScatter(
    _ source: Block?, _ buffer: Block, _ root: Int, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    try checkRoot(root, in: "scatter")
    let isRoot = rank == root
    var count = buffer.count
    if isRoot {
      if let source {
        try checkCount(source.count, is: count * size, in: "scatter")
      } else {
        count = try blockCount(of: count, in: "scatter")
      }
    }
    try compare("scatter", mode, count: count, of: buffer.type, root: root)
    let block = try LargeCount(count, blocks: size, of: buffer.type, limit: pieceLimit)
    let from = isRoot ? (source ?? buffer).address : nil
    let to = isRoot && source == nil ? rondo_mpi_in_place() : buffer.address
    let (c, type, root) = (block.count, block.type, Int32(root))
    var calls = PendingCalls("startScatter", mode)
    try calls.issue(
      "MPI_Scatter", { MPI_Scatter(from, c, type, to, c, type, root, handle) },
      started: { MPI_Iscatter(from, c, type, to, c, type, root, handle, $0) })
    return calls
  }
}
