import MPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Transfers as schedules make them, with a clock beside them.
///
/// A rank that waits polls and gives way as one that runs a schedule does, so that what is measured is what a
/// schedule would meet.
struct ProbeTransfers: ~Copyable {
  let communicator: Communicator
  private let patience: Patience
  private var requests = RequestSet(capacity: 2 * Self.burst)
  private let outbox: UnsafeMutableRawBufferPointer
  private let inbox: UnsafeMutableRawBufferPointer

  /// Messages that are under way at a time, at most.
  static let burst = 16
  /// Bytes of the longest message.
  static let longest = 64 << 20
  private static let tag = 1

  /// Collective.
  init(_ communicator: borrowing Communicator) throws(MPIError) {
    let own = try communicator.duplicate()
    patience = try .fitting(own)
    self.communicator = own
    outbox = .allocate(byteCount: Self.longest, alignment: 4_096)
    inbox = .allocate(byteCount: Self.longest, alignment: 4_096)
  }

  deinit {
    outbox.deallocate()
    inbox.deallocate()
  }

  /// Touches so much of both buffers that messages of that length meet no fresh pages.
  mutating func prepare(_ bytes: Int) {
    UnsafeMutableRawBufferPointer(rebasing: outbox[..<bytes]).initializeMemory(as: UInt8.self, repeating: 1)
    UnsafeMutableRawBufferPointer(rebasing: inbox[..<bytes]).initializeMemory(as: UInt8.self, repeating: 0)
  }

  mutating func startSend(_ bytes: Int, to peer: Int) throws(MPIError) {
    _ = try requests.startSend(
      UnsafeRawBufferPointer(rebasing: outbox[..<bytes]), to: peer, tag: Self.tag, on: communicator)
  }

  mutating func startReceive(_ bytes: Int, from peer: Int) throws(MPIError) {
    _ = try requests.startReceive(
      UnsafeMutableRawBufferPointer(rebasing: inbox[..<bytes]), from: peer, tag: Self.tag, on: communicator)
  }

  /// Whether everything is complete; takes note of one completion.
  mutating func poll() throws(MPIError) -> Bool {
    _ = try requests.testAny()
    return requests.activeCount == 0
  }

  mutating func wait() throws(MPIError) {
    var polls = 0
    while try !poll() {
      polls += 1
      if polls > patience.polls { sched_yield() }
    }
  }

  /// As `wait`, but asleep between polls, so that the processor's clock shows transfers and little else.
  /// Gives how often it slept, at most `limit` times.
  mutating func waitAsleep(limit: Int = .max) throws(MPIError) -> Int {
    var naps = 0
    while naps < limit, try !poll() {
      usleep(Self.napMicroseconds)
      naps += 1
    }
    return naps
  }
  private static let napMicroseconds: UInt32 = 100

  /// Seconds for a number of messages to one rank and as many from one, all at once; 0 for a rank without a
  /// neighbour.
  mutating func exchange(_ bytes: Int, messages: Int = 1, to next: Int?, from previous: Int?) throws(MPIError)
    -> Double
  {
    try communicator.barrier()
    let start = MPI.wallTime()
    for _ in 0..<messages {
      if let previous { try startReceive(bytes, from: previous) }
      if let next { try startSend(bytes, to: next) }
    }
    try wait()
    return MPI.wallTime() - start
  }

  /// Rank 0 answers the other with its clock; the other gets it.
  mutating func swapClocks(with peer: Int) throws(MPIError) -> Double {
    if communicator.rank == 0 {
      try startReceive(8, from: peer)
      try wait()
      outbox.storeBytes(of: MPI.wallTime(), as: Double.self)
      try startSend(8, to: peer)
      try wait()
      return 0
    }
    try startReceive(8, from: peer)
    try startSend(8, to: peer)
    try wait()
    return inbox.load(as: Double.self)
  }

  /// Seconds of this thread on a processor.
  static func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
