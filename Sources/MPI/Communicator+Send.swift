import COpenMPI

extension MPI {
  /// In place of a source: from any rank.
  public static let anySource = Int(MPI_ANY_SOURCE)
  /// In place of a tag to receive: with any tag.
  public static let anyTag = Int(MPI_ANY_TAG)
  /// In place of a rank: nobody. The transfer is complete at once and moves nothing, for the edges of a grid,
  /// say.
  public static let nullRank = Int(MPI_PROC_NULL)
}

/// When a send is complete (MPI 3.1 section 3.4).
public enum SendMode: Sendable {
  /// When the buffer may be used again: the message may lie in a buffer of the library.
  case standard
  /// When, moreover, the receiver has begun to receive.
  case synchronous
}

extension Communicator {
  /// Sends elements to a rank.
  ///
  /// MPI: MPI_Send, MPI_Ssend, MPI 3.1 sections 3.2.1, 3.4.
  public func send<T: MPIScalar>(
    _ source: Span<T>, to destination: Int, tag: Int = 0, mode: SendMode = .standard
  ) throws(MPIError) {
    _ = try withBlock(source) { (s) throws(MPIError) in
      try issueSend(s, to: destination, tag: tag, mode, .blocking)
    }
  }

  /// Starts `send`; the buffer is borrowed until `wait()`.
  ///
  /// MPI: MPI_Isend, MPI_Issend, MPI 3.1 section 3.7.2.
  @_lifetime(copy source)
  public func startSend<T: MPIScalar>(
    _ source: Span<T>, to destination: Int, tag: Int = 0, mode: SendMode = .standard
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(source) { (s) throws(MPIError) in
        try issueSend(s, to: destination, tag: tag, mode, .started)
      })
  }

  /// Starts `send`; the buffer is moved in and handed back by `wait()`.
  public func startSend<T: MPIScalar>(
    _ source: consuming OwnedBuffer<T>, to destination: Int, tag: Int = 0, mode: SendMode = .standard
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueSend(source.block, to: destination, tag: tag, mode, .started), source)
  }

  private func issueSend(
    _ source: Block, to destination: Int, tag: Int, _ sendMode: SendMode, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    try checkPeer(destination, tag: tag, in: "send")
    let message = try LargeCount(source.count, of: source.type, limit: pieceLimit)
    let (bytes, count, type) = (source.address, message.count, message.type)
    let (peer, tag) = (Int32(destination), Int32(tag))
    var calls = PendingCalls("startSend", mode)
    switch sendMode {
    case .standard:
      try calls.issue(
        "MPI_Send", { MPI_Send(bytes, count, type, peer, tag, handle) },
        started: { MPI_Isend(bytes, count, type, peer, tag, handle, $0) })
    case .synchronous:
      try calls.issue(
        "MPI_Ssend", { MPI_Ssend(bytes, count, type, peer, tag, handle) },
        started: { MPI_Issend(bytes, count, type, peer, tag, handle, $0) })
    }
    return calls
  }
}
