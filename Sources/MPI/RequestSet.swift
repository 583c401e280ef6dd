import COpenMPI

/// Outstanding transfers over memory that the caller keeps alive and leaves alone until completion.
///
/// The raw layer, for schedules over arenas: it allocates when it is made and never again. Every started
/// transfer gets a slot, a number in 0..<capacity. When the transfer is reported complete, by whichever call,
/// its slot is free and will be used again by a later start.
///
/// A set belongs to one thread. Transfers still active at its end are waited for, as for a dropped `Request`.
public struct RequestSet: ~Copyable {
  /// The number of transfers that can be active at once.
  public let capacity: Int
  /// The number of transfers that were started and have not been reported complete.
  public private(set) var activeCount = 0

  private let requests: UnsafeMutableBufferPointer<MPI_Request?>
  /// A stack of the slots that are free: the first `capacity - activeCount` entries.
  private let free: UnsafeMutableBufferPointer<Int>

  /// A set with room for `capacity` active transfers.
  public init(capacity: Int) {
    precondition(capacity >= 0, "RequestSet: capacity \(capacity) is negative")
    self.capacity = capacity
    requests = .allocate(capacity: capacity)
    free = .allocate(capacity: capacity)
    requests.initialize(repeating: rondo_mpi_request_null())
    // Low slots first: MPI_Testany looks at all slots, in their order.
    for slot in 0..<capacity { free.initializeElement(at: slot, to: capacity - 1 - slot) }
  }

  deinit {
    Dropped.settle(requests, of: "RequestSet")
    requests.deallocate()
    free.deallocate()
  }

  /// Starts to send `bytes`. Returns the transfer's slot.
  ///
  /// MPI: MPI_Isend, MPI 3.1 section 3.7.2.
  public mutating func startSend(
    _ bytes: UnsafeRawBufferPointer, to destination: Int, tag: Int, on communicator: borrowing Communicator
  ) throws(MPIError) -> Int {
    try communicator.checkPeer(destination, tag: tag, in: "RequestSet.startSend")
    let slot = try nextSlot(in: "RequestSet.startSend")
    let message = try LargeCount(bytes.count, of: .bytes, limit: communicator.pieceLimit)
    try check(
      MPI_Isend(
        bytes.baseAddress, message.count, message.type, Int32(destination), Int32(tag), communicator.handle,
        &requests[slot]),
      "MPI_Isend")
    activeCount += 1
    return slot
  }

  /// Starts to receive at most `bytes.count` bytes into `bytes`. Returns the transfer's slot. `source` may be
  /// `MPI.anySource`, `tag` may be `MPI.anyTag`.
  ///
  /// MPI: MPI_Irecv, MPI 3.1 section 3.7.2.
  public mutating func startReceive(
    _ bytes: UnsafeMutableRawBufferPointer, from source: Int, tag: Int,
    on communicator: borrowing Communicator
  ) throws(MPIError) -> Int {
    try communicator.checkSource(source, tag: tag, in: "RequestSet.startReceive")
    let slot = try nextSlot(in: "RequestSet.startReceive")
    let message = try LargeCount(bytes.count, of: .bytes, limit: communicator.pieceLimit)
    try check(
      MPI_Irecv(
        bytes.baseAddress, message.count, message.type, Int32(source), Int32(tag), communicator.handle,
        &requests[slot]),
      "MPI_Irecv")
    activeCount += 1
    return slot
  }

  /// A completed slot, or nil when none has completed yet (or none is active).
  ///
  /// MPI: MPI_Testany, MPI 3.1 section 3.7.5.
  public mutating func testAny() throws(MPIError) -> Int? {
    guard activeCount > 0 else { return nil }
    var index = MPI_UNDEFINED
    var flag: Int32 = 0
    let code = MPI_Testany(
      Int32(capacity), requests.baseAddress, &index, &flag, rondo_mpi_status_ignore())
    return try completed(index, code, "MPI_Testany")
  }

  /// Waits for a slot to complete; nil when no transfer is active.
  ///
  /// MPI: MPI_Waitany, MPI 3.1 section 3.7.5.
  public mutating func waitAny() throws(MPIError) -> Int? {
    guard activeCount > 0 else { return nil }
    var index = MPI_UNDEFINED
    let code = MPI_Waitany(Int32(capacity), requests.baseAddress, &index, rondo_mpi_status_ignore())
    return try completed(index, code, "MPI_Waitany")
  }

  /// Waits for one slot. Returns at once when nothing is active in it.
  ///
  /// MPI: MPI_Wait, MPI 3.1 section 3.7.3.
  public mutating func wait(_ slot: Int) throws(MPIError) {
    guard requests.indices.contains(slot) else {
      throw MPIError(
        usage: "slot \(slot) is outside 0..<\(capacity)", in: "RequestSet.wait", class: .request)
    }
    guard requests[slot] != rondo_mpi_request_null() else { return }
    let code = MPI_Wait(&requests[slot], rondo_mpi_status_ignore())
    _ = try completed(Int32(slot), code, "MPI_Wait")
  }

  /// Waits for all active transfers. When one fails its error is thrown; the others stay active.
  ///
  /// MPI: MPI_Wait, MPI 3.1 section 3.7.3.
  public mutating func waitAll() throws(MPIError) {
    // One by one: MPI_Waitall would put the error codes into statuses, and the time is that of the slowest
    // either way.
    for slot in requests.indices where activeCount > 0 { try wait(slot) }
  }

  /// The slot that the next start uses; it is taken when that succeeds.
  private func nextSlot(in call: StaticString) throws(MPIError) -> Int {
    guard activeCount < capacity else {
      throw MPIError(
        usage: "all \(capacity) slots are active: wait for one, or make the set with a larger capacity",
        in: call, class: .request)
    }
    return free[capacity - activeCount - 1]
  }

  /// Frees the slot at `index`, if MPI named one, and reports it or its error.
  private mutating func completed(
    _ index: Int32, _ code: Int32, _ call: StaticString
  ) throws(MPIError) -> Int? {
    guard index != MPI_UNDEFINED else {
      try check(code, call)
      return nil
    }
    let slot = Int(index)
    // MPI has set it to null, except after an error; a failed transfer is not waited for again.
    requests[slot] = rondo_mpi_request_null()
    activeCount -= 1
    free[capacity - activeCount - 1] = slot
    try check(code, call)
    return slot
  }
}
