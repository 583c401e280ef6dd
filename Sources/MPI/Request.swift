/// A started call that borrows its buffers: until `wait()` the compiler refuses to touch what the call
/// writes, or to change what it reads.
///
///     var inbox = values.mutableSpan
///     let request = try world.startReceive(into: &inbox, from: 1, tag: 7)
///     // ... something else; `inbox[0]` does not compile here
///     let status = try request.wait()
///
/// Wait for every request. One that is dropped (because an error is thrown in between, say) waits at its end
/// all the same, for its buffers must not go away before the transfer; if it is not complete after 3 seconds
/// the job is ended with a line that names the call. Requests that must outlive a scope own their buffers:
/// `OwningRequest`.
///
/// Open MPI moves data only while some thread of the process is inside an MPI call.
public struct Request: ~Copyable, ~Escapable {
  private var calls: PendingCalls

  @_lifetime(immortal)
  init(_ calls: consuming PendingCalls) { self.calls = calls }

  /// Waits until the call is complete and the buffers may be used again. The status is that of the received
  /// message; it means nothing for a send or a collective.
  ///
  /// MPI: MPI_Wait, MPI 3.1 section 3.7.3.
  @discardableResult
  public consuming func wait() throws(MPIError) -> Status { try calls.complete() }

  /// Whether the call is complete. Lets MPI make progress; after true, `wait()` returns at once.
  ///
  /// MPI: MPI_Test, MPI 3.1 section 3.7.3.
  public mutating func test() throws(MPIError) -> Bool { try calls.test() }
}

/// A started call that owns its buffers: they are moved in, and `wait()` hands them back.
///
///     let buffer = OwnedBuffer<Float>(repeating: 1, count: 1_024)
///     let request = try world.startAllreduce(buffer, .sum)
///     let sums = try request.wait()
///
/// It may be stored, and outlive the scope it was made in. As for dropping it: see `Request`. When `wait()`
/// throws, the buffers are freed.
public struct OwningRequest<Buffers: ~Copyable>: ~Copyable {
  private var calls: PendingCalls
  private var buffers: Buffers?

  init(_ calls: consuming PendingCalls, _ buffers: consuming Buffers) {
    self.calls = calls
    self.buffers = consume buffers
  }

  /// Waits until the call is complete; hands back the buffers.
  ///
  /// MPI: MPI_Wait, MPI 3.1 section 3.7.3.
  public consuming func wait() throws(MPIError) -> Buffers {
    try calls.complete()
    return buffers.take()!  // full from init on; this is its only way out
  }

  /// Whether the call is complete. Lets MPI make progress; after true, `wait()` returns at once.
  ///
  /// MPI: MPI_Test, MPI 3.1 section 3.7.3.
  public mutating func test() throws(MPIError) -> Bool { try calls.test() }

  /// Waits until the call is complete, and keeps the buffers for `wait()`, which then returns at once. For a
  /// receive: the status of the message.
  public mutating func complete() throws(MPIError) -> Status { try calls.complete() }

  /// The buffers are freed after this, so the call must be over.
  deinit { calls.settle() }
}
