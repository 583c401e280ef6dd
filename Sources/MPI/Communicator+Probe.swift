import COpenMPI

extension Communicator {
  /// Waits until a message could be received, and says which; it stays where it is.
  ///
  /// With several threads, another one may receive the message first: use `matchedProbe`.
  ///
  /// - Parameters:
  ///   - source: a rank, or `MPI.anySource`.
  ///   - tag: a tag, or `MPI.anyTag`.
  ///
  /// MPI: MPI_Probe, MPI 3.1 section 3.8.1.
  public func probe(from source: Int, tag: Int = 0) throws(MPIError) -> Status {
    try checkSource(source, tag: tag, in: "probe")
    var status = MPI_Status()
    try check(MPI_Probe(Int32(source), Int32(tag), handle, &status), "MPI_Probe")
    return try Status(status)
  }

  /// Says which message could be received now; nil when none could.
  ///
  /// MPI: MPI_Iprobe, MPI 3.1 section 3.8.1.
  public func probeNow(from source: Int, tag: Int = 0) throws(MPIError) -> Status? {
    try checkSource(source, tag: tag, in: "probeNow")
    var status = MPI_Status()
    var flag: Int32 = 0
    try check(MPI_Iprobe(Int32(source), Int32(tag), handle, &flag, &status), "MPI_Iprobe")
    return flag == 0 ? nil : try Status(status)
  }

  /// Waits for a message and takes it out of the queue: no other receive and no other probe sees it.
  ///
  /// MPI: MPI_Mprobe, MPI 3.1 section 3.8.2.
  public func matchedProbe(from source: Int, tag: Int = 0) throws(MPIError) -> MatchedMessage {
    try checkSource(source, tag: tag, in: "matchedProbe")
    var status = MPI_Status()
    var message: MPI_Message?
    try check(MPI_Mprobe(Int32(source), Int32(tag), handle, &message, &status), "MPI_Mprobe")
    return MatchedMessage(message, try Status(status), pieceLimit: pieceLimit)
  }

  /// Takes a message out of the queue if there is one; nil when there is none.
  ///
  /// MPI: MPI_Improbe, MPI 3.1 section 3.8.2.
  public func matchedProbeNow(from source: Int, tag: Int = 0) throws(MPIError) -> MatchedMessage? {
    try checkSource(source, tag: tag, in: "matchedProbeNow")
    var status = MPI_Status()
    var message: MPI_Message?
    var flag: Int32 = 0
    try check(
      MPI_Improbe(Int32(source), Int32(tag), handle, &flag, &message, &status), "MPI_Improbe")
    return flag == 0 ? nil : MatchedMessage(message, try Status(status), pieceLimit: pieceLimit)
  }
}

/// A message that a matched probe took out of the queue, and that has to be received from here.
public struct MatchedMessage: ~Copyable {
  private var message: MPI_Message?
  private let pieceLimit: Int
  /// Its sender, tag and length.
  public let status: Status

  init(_ message: MPI_Message?, _ status: Status, pieceLimit: Int) {
    self.message = message
    self.status = status
    self.pieceLimit = pieceLimit
  }

  /// Receives the message into `destination`, which may be longer than it.
  ///
  /// MPI: MPI_Mrecv, MPI 3.1 section 3.8.3.
  public consuming func receive<T: MPIScalar>(
    into destination: inout MutableSpan<T>
  ) throws(MPIError) {
    try withBlock(&destination) { (d) throws(MPIError) in
      let block = try LargeCount(d.count, of: d.type, limit: pieceLimit)
      // MPI sets the handle to null, after an error as well.
      let code = MPI_Mrecv(d.address, block.count, block.type, &message, rondo_mpi_status_ignore())
      message = rondo_mpi_message_null()
      try check(code, "MPI_Mrecv")
    }
  }

  /// Receives the message as an array, which gets its length.
  ///
  /// - Throws: `MPIError` of class `.truncate` when the message is not a whole number of elements; it is lost
  ///   then.
  public consuming func receive<T: MPIScalar>(_ type: T.Type) throws(MPIError) -> [T] {
    guard let count = status.count(of: type) else {
      throw MPIError(
        usage: "the message of \(status.byteCount) bytes from rank \(status.source) is not a whole number "
          + "of \(T.self) elements",
        in: "receive", class: .truncate)
    }
    var values = [T](repeating: T.zeroBits, count: count)
    var span = values.mutableSpan
    try receive(into: &span)
    return values
  }

  /// MPI has no way to drop a message, so one that is not received ends the job: its sender may wait for
  /// ever.
  deinit {
    guard message != rondo_mpi_message_null(), MPI.isRunning else { return }
    MPI.abort(
      exitStatus: 1,
      because:
        "a message of \(status.byteCount) bytes from rank \(status.source), tag \(status.tag) was taken "
        + "by matchedProbe and never received: call receive on it")
  }
}
