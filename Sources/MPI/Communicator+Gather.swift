import COpenMPI

extension Communicator {
  /// Gives `root` the elements of all ranks, one block after another in the order of the ranks.
  ///
  /// Collective. `source` has the same length c on all ranks; on the root `destination` has c * size
  /// elements, elsewhere it is ignored and may be empty. After, on the root: elements r * c ..< (r + 1) * c
  /// of `destination` are rank r's source.
  ///
  /// MPI: MPI_Gather, MPI 3.1 section 5.5.
  public func gather<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, root: Int
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueGather(s, d, root, .blocking)
    }
  }

  /// The same in place: the root's `buffer` has c * size elements, and its own block already lies in its
  /// place there. The others' buffers hold their c elements, which are only read.
  ///
  /// MPI: MPI_Gather with MPI_IN_PLACE, MPI 3.1 section 5.5.
  public func gather<T: MPIScalar>(_ buffer: inout MutableSpan<T>, root: Int) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in try issueGather(nil, b, root, .blocking) }
  }

  /// The values of all ranks, in the order of the ranks, on the root; nil elsewhere.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Gather, MPI 3.1 section 5.5.
  public func gather<T: MPIScalar>(_ value: T, root: Int) throws(MPIError) -> [T]? {
    var values = [T](repeating: value, count: rank == root ? size : 1)
    var span = values.mutableSpan
    try gather(&span, root: root)
    return rank == root ? values : nil
  }

  /// Starts `gather`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Igather, MPI 3.1 section 5.12.3.
  @_lifetime(copy source, &destination)
  public func startGather<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, root: Int
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueGather(s, d, root, .started)
      })
  }

  /// Starts `gather` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startGather<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, root: Int
  ) throws(MPIError) -> Request {
    Request(try withBlock(&buffer) { (b) throws(MPIError) in try issueGather(nil, b, root, .started) })
  }

  /// Starts `gather` in place; the buffer is moved in and handed back by `wait()`.
  public func startGather<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, root: Int
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueGather(nil, buffer.block, root, .started), buffer)
  }

  private func issueGather(
    _ source: Block?, _ destination: Block, _ root: Int, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    try checkRoot(root, in: "gather")
    let isRoot = rank == root
    var count = (source ?? destination).count
    if isRoot {
      if source == nil { count = try blockCount(of: count, in: "gather") }
      try checkCount(destination.count, is: count * size, in: "gather")
    }
    try compare("gather", mode, count: count, of: destination.type, root: root)
    let block = try LargeCount(count, blocks: size, of: destination.type, limit: pieceLimit)
    let from = isRoot && source == nil ? rondo_mpi_in_place() : (source ?? destination).address
    let to = isRoot ? destination.address : nil
    let (c, type, root) = (block.count, block.type, Int32(root))
    var calls = PendingCalls("startGather", mode)
    try calls.issue(
      "MPI_Gather", { MPI_Gather(from, c, type, to, c, type, root, handle) },
      started: { MPI_Igather(from, c, type, to, c, type, root, handle, $0) })
    return calls
  }
}
