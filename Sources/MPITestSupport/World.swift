import Dispatch
import MPI
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs `body` with a fresh duplicate of the world: the frame of every test that talks over MPI.
///
/// The first call starts MPI for the process; it ends when the process exits. The same test works in a plain
/// `swift test`, with one rank, and under mpirun with any number.
///
/// Guarded against the ways in which a test hangs all ranks:
/// - one call at a time (a lock), and all ranks must be in the same test, which is checked before `body`
///   runs;
/// - an error that leaves `body`, a failed `#require` included, ends the job when there are other ranks,
///   since these would wait for this one. A failed `#expect` is recorded, and the rank goes on to its next
///   collective call;
/// - a call that takes longer than `seconds` ends the job.
///
/// Each of these prints one line that names the rank and the test.
public func withWorld(
  seconds: Double = 300, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: (borrowing Communicator) throws -> Void
) throws {
  try TestProcess.turn.withLock { _ in
    try TestProcess.start()
    try MPI.withWorld { whole in
      let test = testName(at: sourceLocation)
      let watchdog = Watchdog(seconds: seconds, test: test)
      defer { watchdog.end() }
      try checkOrder(test, on: whole)
      let world = try whole.duplicate()
      do {
        try body(world)
      } catch  where world.size > 1 {
        MPI.abort(exitStatus: 1, because: "rank \(world.rank): \(test): \(error)")
      }
    }
  }
}

/// As `withWorld`, on the first `size` ranks only; does nothing where the world is smaller. One launch with 5
/// ranks covers the sizes below as well.
public func withRanks(
  _ size: Int, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: (borrowing Communicator) throws -> Void
) throws {
  try withWorld(sourceLocation: sourceLocation) { world in
    guard size <= world.size else { return }
    if let part = try world.split(color: world.rank < size ? 0 : nil, key: 0) { try body(part) }
  }
}

/// Whether mpirun or srun started this process as one of several.
public var isUnderLauncher: Bool { !TestProcess.startedAlone }

/// All ranks have to be in the same test, or their collective calls would meet those of another.
private func checkOrder(_ test: String, on world: borrowing Communicator) throws {
  let expected = try world.broadcast(test, root: 0)
  if let failure = try world.agree(test == expected ? nil : test) {
    MPI.abort(
      exitStatus: 1,
      because: "\(test): not all ranks are in the same test (rank 0: \(expected); \(failure)): "
        + "run with --no-parallel, and let no rank skip a test alone")
  }
}

private func testName(at location: SourceLocation) -> String {
  let name = Test.current?.name ?? "no test"
  return "\(name) (\(location.fileName):\(location.line))"
}

/// MPI's life in a test process.
enum TestProcess {
  static let turn = Mutex(())
  /// Held while MPI starts, and while other processes are started.
  static let starting = Mutex(())
  /// Whether this process found no launcher when it started. Asked before MPI starts, which sets the
  /// variables itself.
  static let startedAlone = getenv("OMPI_COMM_WORLD_SIZE") == nil && getenv("PMIX_RANK") == nil

  static func start() throws {
    guard !MPI.isRunning else { return }
    _ = startedAlone
    try starting.withLock { _ in try MPI.initialise(threadLevel: .multiple) }
    atexit {
      // The tests are over and their results are printed: an error here can only change the exit status.
      do { try MPI.finalise() } catch { MPI.abort(with: error) }
    }
  }
}

/// Ends the job when a test takes too long, and says which.
private struct Watchdog {
  private let item: DispatchWorkItem

  init(seconds: Double, test: String) {
    item = DispatchWorkItem {
      MPI.abort(exitStatus: 1, because: "\(test): still running after \(Int(seconds)) s, ended")
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: item)
  }

  func end() { item.cancel() }
}
