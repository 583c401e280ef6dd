import COpenMPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How a call is to be made.
enum CallMode {
  /// Returns when the buffers may be used again.
  case blocking
  /// Returns at once, with a request.
  case started
}

/// The MPI requests behind one call of this module: none when it was blocking, one, or several when a large
/// count was cut.
///
/// Each call is written once for both modes: `issue` makes the blocking call or the non-blocking one, whose
/// request it keeps.
struct PendingCalls: ~Copyable {
  private let mode: CallMode
  /// The method of this module that made the calls, for messages.
  private let name: StaticString
  // Heap storage, not an array: the addresses stay put, and the deinit can work on it.
  private var requests: UnsafeMutableBufferPointer<MPI_Request?>
  private var count = 0
  /// Of the request that was completed last.
  private var status = MPI_Status()
  /// Count and displacement tables, which MPI reads until the call is complete.
  private var tables: [IntegerTable] = []
  /// Bytes to move once all is complete: an in-place result that had to land elsewhere.
  private var move: (from: UnsafeRawPointer, to: UnsafeMutableRawPointer, bytes: Int)?

  init(_ name: StaticString, _ mode: CallMode) {
    self.name = name
    self.mode = mode
    requests = .init(start: nil, count: 0)
  }

  /// Makes one MPI call, in the way of this value's mode.
  mutating func issue(
    _ call: StaticString, _ blocking: () -> Int32,
    started: (UnsafeMutablePointer<MPI_Request?>) -> Int32
  ) throws(MPIError) {
    switch mode {
    case .blocking:
      try check(blocking(), call)
    case .started:
      try start(call, started)
    }
  }

  /// Makes one non-blocking call.
  mutating func start(
    _ call: StaticString, _ body: (UnsafeMutablePointer<MPI_Request?>) -> Int32
  ) throws(MPIError) {
    var request: MPI_Request? = rondo_mpi_request_null()
    try check(body(&request), call)
    append(request)
  }

  private mutating func append(_ request: MPI_Request?) {
    if count == requests.count {
      let larger = UnsafeMutableBufferPointer<MPI_Request?>.allocate(capacity: max(1, 2 * count))
      larger.initialize(repeating: nil)
      for i in 0..<count { larger[i] = requests[i] }
      requests.deallocate()
      requests = larger
    }
    requests[count] = request
    count += 1
  }

  /// Keeps the tables of `layout` alive until the calls are complete.
  mutating func keep(_ layout: Layout) {
    if mode == .started { tables += [layout.counts, layout.displacements] }
  }

  /// Moves bytes when all calls are complete: at once when they were blocking. The ranges may overlap.
  mutating func afterwards(move from: UnsafeRawPointer, to: UnsafeMutableRawPointer, bytes: Int) {
    move = (from, to, bytes)
    if mode == .blocking { finishMove() }
  }

  /// Waits until all calls are complete. Returns the status of the last one: of the message, for a receive.
  ///
  /// MPI: MPI_Wait, MPI 3.1 section 3.7.3.
  @discardableResult
  mutating func complete() throws(MPIError) -> Status {
    for i in 0..<count where requests[i] != rondo_mpi_request_null() {
      let code = MPI_Wait(&requests[i], &status)
      // A request that failed is not waited for again.
      requests[i] = rondo_mpi_request_null()
      try check(code, "MPI_Wait")
    }
    finishMove()
    return try Status(status)
  }

  /// Whether all calls are complete.
  ///
  /// MPI: MPI_Test, MPI 3.1 section 3.7.3.
  mutating func test() throws(MPIError) -> Bool {
    for i in 0..<count where requests[i] != rondo_mpi_request_null() {
      var flag: Int32 = 0
      let code = MPI_Test(&requests[i], &flag, &status)
      if code != MPI_SUCCESS { requests[i] = rondo_mpi_request_null() }
      try check(code, "MPI_Test")
      if flag == 0 { return false }
    }
    finishMove()
    return true
  }

  private mutating func finishMove() {
    if let move { memmove(move.to, move.from, move.bytes) }
    move = nil
  }

  deinit {
    settle()
    requests.deallocate()
  }

  /// Waits for calls that nobody waited for. The buffers must not go away before, so there are two ways only:
  /// to wait, or to end the job. A request is dropped by mistake or, more often, because an error is on its
  /// way out, and then the other side may never answer: after `Dropped.patience` seconds the job ends with a
  /// line that says so.
  func settle() {
    let remaining = UnsafeMutableBufferPointer(rebasing: requests.prefix(count))
    Dropped.settle(remaining, of: name)
  }
}

/// What becomes of requests that nobody waited for.
enum Dropped {
  /// Seconds to wait for a dropped request before the job is ended.
  static let patience = 3.0

  static func settle(_ requests: UnsafeMutableBufferPointer<MPI_Request?>, of name: StaticString) {
    guard requests.contains(where: { $0 != rondo_mpi_request_null() }), MPI.isRunning else { return }
    let deadline = MPI_Wtime() + patience
    for i in requests.indices {
      var flag: Int32 = 0
      while flag == 0 {
        let code = MPI_Test(&requests[i], &flag, rondo_mpi_status_ignore())
        if code != MPI_SUCCESS { MPI.abort(with: MPIError(call: "MPI_Test", code: code)) }
        guard flag == 0 else { break }
        if MPI_Wtime() > deadline {
          MPI.abort(
            exitStatus: 1,
            because: "\(name): its request was dropped without wait() and is not complete after "
              + "\(Int(patience)) s, probably because an error was thrown in between: wait for every request")
        }
        sched_yield()
      }
    }
  }
}
