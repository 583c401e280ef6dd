import COpenMPI

extension Communicator {
  /// Copies `root`'s elements to all ranks.
  ///
  /// Collective. `buffer` has the same length on all ranks. Before: the root's elements. After: the same on
  /// every rank.
  ///
  /// MPI: MPI_Bcast, MPI 3.1 section 5.4.
  public func broadcast<T: MPIScalar>(_ buffer: inout MutableSpan<T>, root: Int) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in try issueBroadcast(b, root, .blocking) }
  }

  /// Starts `broadcast`; the buffer is borrowed until `wait()`.
  ///
  /// MPI: MPI_Ibcast, MPI 3.1 section 5.12.2.
  @_lifetime(&buffer)
  public func startBroadcast<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, root: Int
  ) throws(MPIError) -> Request {
    Request(try withBlock(&buffer) { (b) throws(MPIError) in try issueBroadcast(b, root, .started) })
  }

  /// Starts `broadcast`; the buffer is moved in and handed back by `wait()`.
  public func startBroadcast<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, root: Int
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueBroadcast(buffer.block, root, .started), buffer)
  }

  private func issueBroadcast(
    _ buffer: Block, _ root: Int, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    try checkRoot(root, in: "broadcast")
    try compare("broadcast", mode, count: buffer.count, of: buffer.type, root: root)
    var calls = PendingCalls("startBroadcast", mode)
    try buffer.count.forEachPiece(limit: pieceLimit) { (piece) throws(MPIError) in
      let b = buffer[piece]
      try calls.issue(
        "MPI_Bcast", { MPI_Bcast(b.address, b.count32, b.type.handle, Int32(root), handle) },
        started: { MPI_Ibcast(b.address, b.count32, b.type.handle, Int32(root), handle, $0) })
    }
    return calls
  }

  /// Gives all ranks `root`'s array. What the others pass is ignored and may be empty: the length travels
  /// along.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Bcast, MPI 3.1 section 5.4.
  public func broadcast<T: MPIScalar>(_ values: [T], root: Int) throws(MPIError) -> [T] {
    let count = try broadcast(values.count, root: root)
    var result = rank == root ? values : [T](repeating: T.zeroBits, count: count)
    var span = result.mutableSpan
    try broadcast(&span, root: root)
    return result
  }

  /// Gives all ranks `root`'s value.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Bcast, MPI 3.1 section 5.4.
  public func broadcast<T: MPIScalar>(_ value: T, root: Int) throws(MPIError) -> T {
    var value = value
    try withUnsafeMutablePointer(to: &value) { (value) throws(MPIError) in
      _ = try issueBroadcast(Block(value, count: 1, type: T.datatype), root, .blocking)
    }
    return value
  }

  /// Gives all ranks `root`'s text.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Bcast, MPI 3.1 section 5.4.
  public func broadcast(_ text: String, root: Int) throws(MPIError) -> String {
    String(decoding: try broadcast(Array(text.utf8), root: root), as: UTF8.self)
  }
}
