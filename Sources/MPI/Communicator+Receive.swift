import COpenMPI

extension Communicator {
  /// Receives a message of at most `destination.count` elements. The status says how many came.
  ///
  /// - Parameters:
  ///   - source: a rank, or `MPI.anySource`.
  ///   - tag: a tag, or `MPI.anyTag`.
  /// - Throws: `MPIError` of class `.truncate` when the message is longer.
  ///
  /// MPI: MPI_Recv, MPI 3.1 section 3.2.4.
  @discardableResult
  public func receive<T: MPIScalar>(
    into destination: inout MutableSpan<T>, from source: Int, tag: Int = 0
  ) throws(MPIError) -> Status {
    try withBlock(&destination) { (d) throws(MPIError) in
      try checkSource(source, tag: tag, in: "receive")
      let message = try LargeCount(d.count, of: d.type, limit: pieceLimit)
      var status = MPI_Status()
      try check(
        MPI_Recv(d.address, message.count, message.type, Int32(source), Int32(tag), handle, &status),
        "MPI_Recv")
      return try Status(status)
    }
  }

  /// Starts `receive`; the buffer is borrowed until `wait()`, which returns the status.
  ///
  /// MPI: MPI_Irecv, MPI 3.1 section 3.7.2.
  @_lifetime(&destination)
  public func startReceive<T: MPIScalar>(
    into destination: inout MutableSpan<T>, from source: Int, tag: Int = 0
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&destination) { (d) throws(MPIError) in
        try issueReceive(d, from: source, tag: tag)
      })
  }

  /// Starts `receive`; the buffer is moved in and handed back by `wait()`. `complete()` gives the status
  /// before that.
  public func startReceive<T: MPIScalar>(
    into destination: consuming OwnedBuffer<T>, from source: Int, tag: Int = 0
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueReceive(destination.block, from: source, tag: tag), destination)
  }

  private func issueReceive(
    _ destination: Block, from source: Int, tag: Int
  ) throws(MPIError) -> PendingCalls {
    try checkSource(source, tag: tag, in: "startReceive")
    let message = try LargeCount(destination.count, of: destination.type, limit: pieceLimit)
    var calls = PendingCalls("startReceive", .started)
    try calls.start("MPI_Irecv") {
      MPI_Irecv(
        destination.address, message.count, message.type, Int32(source), Int32(tag), handle, $0)
    }
    return calls
  }
}
