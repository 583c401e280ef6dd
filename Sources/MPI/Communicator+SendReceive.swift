import COpenMPI

extension Communicator {
  /// Sends to one rank while receiving from one, without the order of the two mattering: a shift along a
  /// ring, say.
  ///
  /// - Parameters:
  ///   - source: what is sent to rank `destination` with tag `sendTag`.
  ///   - inbox: where the message from rank `origin` with tag `receiveTag` goes; it may be longer than the
  ///     message.
  ///   - receiveTag: the same as `sendTag` when nil.
  /// - Returns: the status of the received message.
  ///
  /// MPI: MPI_Sendrecv, MPI 3.1 section 3.10.
  @discardableResult
  public func sendReceive<T: MPIScalar>(
    _ source: Span<T>, to destination: Int, into inbox: inout MutableSpan<T>, from origin: Int,
    sendTag: Int = 0, receiveTag: Int? = nil
  ) throws(MPIError) -> Status {
    let receiveTag = receiveTag ?? sendTag
    return try withBlocks(source, &inbox) { (s, d) throws(MPIError) in
      try checkPeer(destination, tag: sendTag, in: "sendReceive")
      try checkSource(origin, tag: receiveTag, in: "sendReceive")
      let sent = try LargeCount(s.count, of: s.type, limit: pieceLimit)
      let received = try LargeCount(d.count, of: d.type, limit: pieceLimit)
      var status = MPI_Status()
      try check(
        MPI_Sendrecv(
          s.address, sent.count, sent.type, Int32(destination), Int32(sendTag),
          d.address, received.count, received.type, Int32(origin), Int32(receiveTag), handle, &status),
        "MPI_Sendrecv")
      return try Status(status)
    }
  }

  /// As above, with one buffer: what comes takes the place of what is sent, and has its length or less.
  ///
  /// MPI: MPI_Sendrecv_replace, MPI 3.1 section 3.10.
  @discardableResult
  public func sendReceive<T: MPIScalar>(
    replacing buffer: inout MutableSpan<T>, to destination: Int, from origin: Int, sendTag: Int = 0,
    receiveTag: Int? = nil
  ) throws(MPIError) -> Status {
    let receiveTag = receiveTag ?? sendTag
    return try withBlock(&buffer) { (b) throws(MPIError) in
      try checkPeer(destination, tag: sendTag, in: "sendReceive")
      try checkSource(origin, tag: receiveTag, in: "sendReceive")
      let block = try LargeCount(b.count, of: b.type, limit: pieceLimit)
      var status = MPI_Status()
      try check(
        MPI_Sendrecv_replace(
          b.address, block.count, block.type, Int32(destination), Int32(sendTag), Int32(origin),
          Int32(receiveTag), handle, &status),
        "MPI_Sendrecv_replace")
      return try Status(status)
    }
  }
}
