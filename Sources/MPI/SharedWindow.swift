import COpenMPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Memory that the ranks of one machine share: each allocates a part, and all can read and write all parts in
/// place.
///
///     let host = try world.splitByHost()
///     try host.withSharedWindow(of: Float.self, count: 1_024) { window in
///       window.mine[0] = Float(host.rank)
///       try window.fence()
///       let left = try window.part(of: (host.rank + host.size - 1) % host.size)
///       // left[0] is what the left neighbour wrote
///     }
///
/// What a rank wrote is there for another only after both have synchronised: `fence()` on all ranks, or,
/// between `lockAll()` and `unlockAll()`, `sync()` on the writer, something that orders the two ranks (a
/// barrier, a message), `sync()` on the reader. Memory that is written on one rank while another touches it
/// is a data race that no compiler sees; the pointers are unsafe for that reason.
///
/// Freeing is collective: every rank's window must end at the same point of the program. When an error on one
/// rank may keep it from there, use `withSharedWindow`, which lets the error out at once. A window that ends
/// alone all the same ends the job after `SharedWindow.patience` seconds, with a line that says so.
///
/// MPI: MPI_Win_allocate_shared, MPI 3.1 section 11.2.3.
public struct SharedWindow<Element: MPIScalar>: ~Copyable {
  /// Seconds to wait for the other ranks when the window ends.
  public static var patience: Double { 60 }

  private let handle: MPI_Win
  /// Its own, so that the end of the window can see whether the others come.
  private let communicator: Communicator
  private var isLocked = false
  private var isAbandoned = false
  /// This rank's part.
  public let mine: UnsafeMutableBufferPointer<Element>

  /// Allocates `count` elements on this rank, and as many on each other as it asks for. The elements are
  /// zero.
  ///
  /// Collective over `communicator`, whose ranks must share memory: see `Communicator.splitByHost`.
  public init(count: Int, on communicator: borrowing Communicator) throws(MPIError) {
    guard count >= 0 else {
      throw MPIError(usage: "count \(count) is negative", in: "SharedWindow", class: .count)
    }
    let (bytes, isTooMuch) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard !isTooMuch else {
      throw MPIError(
        usage: "\(count) elements are more bytes than can be counted", in: "SharedWindow", class: .count)
    }
    let own = try communicator.duplicate()
    var base: UnsafeMutableRawPointer?
    var window: MPI_Win?
    try check(
      MPI_Win_allocate_shared(
        bytes, Int32(MemoryLayout<Element>.stride), rondo_mpi_info_null(), own.handle, &base, &window),
      "MPI_Win_allocate_shared")
    guard let window else {
      throw MPIError(usage: "MPI returned no window", in: "MPI_Win_allocate_shared", class: .other)
    }
    try check(MPI_Win_set_errhandler(window, rondo_mpi_errors_return()), "MPI_Win_set_errhandler")
    let start = base?.bindMemory(to: Element.self, capacity: count)
    start?.initialize(repeating: Element.zeroBits, count: count)
    // The others may look at this part as soon as they have the window.
    try check(MPI_Win_fence(0, window), "MPI_Win_fence")
    handle = window
    mine = UnsafeMutableBufferPointer(start: start, count: count)
    self.communicator = own
  }

  /// The part of `rank`, in this process's address space. Parts may have different lengths.
  ///
  /// MPI: MPI_Win_shared_query, MPI 3.1 section 11.2.3.
  public func part(of rank: Int) throws(MPIError) -> UnsafeMutableBufferPointer<Element> {
    try communicator.checkRoot(rank, in: "SharedWindow.part")
    var bytes: MPI_Aint = 0
    var unit: Int32 = 0
    var base: UnsafeMutableRawPointer?
    try check(MPI_Win_shared_query(handle, Int32(rank), &bytes, &unit, &base), "MPI_Win_shared_query")
    let count = bytes / MemoryLayout<Element>.stride
    let start = base?.bindMemory(to: Element.self, capacity: count)
    return UnsafeMutableBufferPointer(start: start, count: count)
  }

  /// What any rank wrote before is there for every rank after. Collective; not between `lockAll` and
  /// `unlockAll`.
  ///
  /// MPI: MPI_Win_fence, MPI 3.1 section 11.5.1.
  public func fence() throws(MPIError) {
    try check(MPI_Win_fence(0, handle), "MPI_Win_fence")
  }

  /// Opens an epoch in which single ranks synchronise with `sync()` and their own messages. Not collective.
  ///
  /// MPI: MPI_Win_lock_all, MPI 3.1 section 11.5.3.
  public mutating func lockAll() throws(MPIError) {
    try check(MPI_Win_lock_all(0, handle), "MPI_Win_lock_all")
    isLocked = true
  }

  /// Orders this rank's accesses to the window before the call and those after it. Between `lockAll` and
  /// `unlockAll`.
  ///
  /// MPI: MPI_Win_sync, MPI 3.1 section 11.5.4.
  public func sync() throws(MPIError) {
    try check(MPI_Win_sync(handle), "MPI_Win_sync")
  }

  /// Closes the epoch that `lockAll` opened.
  ///
  /// MPI: MPI_Win_unlock_all, MPI 3.1 section 11.5.3.
  public mutating func unlockAll() throws(MPIError) {
    try check(MPI_Win_unlock_all(handle), "MPI_Win_unlock_all")
    isLocked = false
  }

  /// Leaves the memory to the end of the process: for error paths, on which the other ranks may never come to
  /// free it.
  package consuming func abandon() { isAbandoned = true }

  /// MPI: MPI_Win_free, MPI 3.1 section 11.2.5.
  deinit {
    guard !isAbandoned, MPI.isRunning else { return }
    do {
      try awaitOthers()
      if isLocked { try check(MPI_Win_unlock_all(handle), "MPI_Win_unlock_all") }
      var window: MPI_Win? = handle
      try check(MPI_Win_free(&window), "MPI_Win_free")
    } catch {
      MPI.abort(with: error)
    }
  }

  /// MPI_Win_free waits for all ranks without a limit; this does it first, with one.
  private borrowing func awaitOthers() throws(MPIError) {
    var arrival = try communicator.startBarrier()
    let deadline = MPI_Wtime() + Self.patience
    while !(try arrival.test()) {
      if MPI_Wtime() > deadline {
        MPI.abort(
          exitStatus: 1,
          because:
            "SharedWindow: other ranks have not ended their window for \(Int(Self.patience)) s, probably "
            + "because an error was thrown on one rank only: use withSharedWindow, and agree")
      }
      sched_yield()
    }
    _ = try arrival.wait()
  }
}

extension Communicator {
  /// Gives `body` a shared window that is freed after it. When `body` throws, the window is not freed, since
  /// other ranks may not come to free it with this one; the error is on its way at once.
  ///
  /// Collective.
  public func withSharedWindow<T: MPIScalar, Result: ~Copyable>(
    of type: T.Type, count: Int, _ body: (inout SharedWindow<T>) throws -> Result
  ) throws -> Result {
    var window = try SharedWindow<T>(count: count, on: self)
    do {
      return try body(&window)
    } catch {
      window.abandon()
      throw error
    }
  }
}
