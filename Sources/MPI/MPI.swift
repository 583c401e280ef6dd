import COpenMPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The process's side of MPI: starting, ending, and what there is one of per process.
///
///     try MPI.run { world in
///       print("rank \(world.rank) of \(world.size) on \(MPI.processorName)")
///     }
public enum MPI {
  /// Starts MPI, gives `body` the world communicator, ends MPI, and returns what `body` returned.
  ///
  /// Call it once in a process, from the main thread, on every rank. Without `mpirun` the world has one rank.
  ///
  /// When `body` throws a `CommonError`, rank 0 prints it and all ranks end MPI and exit with its status. When it throws any other error,
  /// this function does not return either: it prints `rank N: <error>` on standard error and
  /// ends all ranks with `MPI_Abort` and exit status 1, or the error's own (`ExitStatusError`).
  /// `MPI_Finalize` would wait for ranks that wait for this one.
  ///
  /// - Parameters:
  ///   - threadLevel: the level to ask for. What the library grants may be lower: `MPI.threadLevel`
  ///     says, and whether that is good enough is the caller's choice.
  ///   - comparingCollectives: `Communicator.comparesCollectives` of the world, for finding mistakes.
  /// - Throws: `MPIError` when MPI cannot be started or ended, or was started in this process before.
  ///
  /// MPI: MPI_Init_thread, MPI_Finalize, MPI_Abort, MPI 3.1 sections 8.7 and 12.4.3.
  public static func run<Result: ~Copyable>(
    threadLevel: ThreadLevel = .multiple, comparingCollectives: Bool = false,
    _ body: (borrowing Communicator) throws -> Result
  ) throws(MPIError) -> Result {
    try initialise(threadLevel: threadLevel)
    let result: Result
    do {
      var world = try Communicator.world()
      world.comparesCollectives = comparingCollectives
      result = try body(world)
    } catch let error as any CommonError {
      if worldRank ?? 0 == 0 { say("\(error)") }
      try finalise()
      exit(error.exitStatus)
    } catch {
      abort(with: error)
    }
    try finalise()
    return result
  }

  /// Prints `rank N: <error>` on standard error and ends all ranks of the job, with the error's exit status
  /// if it is an `ExitStatusError`, else 1. For errors on a thread of its own, from where nothing can be
  /// thrown to `MPI.run`.
  ///
  /// MPI: MPI_Abort, MPI 3.1 section 8.7.
  public static func abort(with error: any Error) -> Never {
    let status = (error as? any ExitStatusError)?.exitStatus ?? 1
    abort(exitStatus: status, because: String(describing: error))
  }

  /// Prints `rank N: <reason>` and ends all ranks of the job with `exitStatus`.
  package static func abort(exitStatus: Int32, because reason: String) -> Never {
    let prefix = worldRank.map { "rank \($0): " } ?? ""
    say(reason.hasPrefix(prefix) ? reason : prefix + reason)
    end(exitStatus: exitStatus)
  }

  /// Ends all ranks of the job with `exitStatus`, without a word of ours.
  package static func end(exitStatus: Int32) -> Never {
    // There is nobody else, and MPI_Abort prints nine lines.
    if isSingleton { _exit(exitStatus) }
    if isRunning {
      endAnyway(exitStatus: exitStatus)
      MPI_Abort(rondo_mpi_comm_world(), exitStatus)
    }
    exit(exitStatus)
  }

  /// Whether this process was started without a launcher, as far as Open MPI says: it sets this variable when it starts.
  private static var isSingleton: Bool {
    isRunning && getenv("OMPI_MCA_ess").map { String(cString: $0) } == "singleton"
  }

  /// Seconds that `MPI_Abort` may take.
  private static let abortSeconds: UInt32 = 5

  /// Ends this process with `exitStatus` when `MPI_Abort` has not: it waits for the launcher's daemon on this host, which may be stopped itself.
  private static func endAnyway(exitStatus: Int32) {
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, nil,
      { status in
        sleep(MPI.abortSeconds)
        MPI.say(
          "MPI_Abort has not ended this process in \(MPI.abortSeconds) s: it ends without the launcher's help"
        )
        _exit(Int32(Int(bitPattern: status)))
      }, UnsafeMutableRawPointer(bitPattern: Int(exitStatus)))
    if failure != 0 { alarm(abortSeconds) }
  }

  /// One line on standard error, in one write, so that lines of several ranks do not mix. That it cannot be written is no reason to do
  /// anything else. What a terminal would obey is escaped.
  package static func say(_ line: String) {
    fflush(nil)
    let bytes = Array((TerminalText.message(line) + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}

/// An error that decides the exit status of a job it ends.
public protocol ExitStatusError: Error {
  /// 1...255; by convention 1 failed, 2 wrong usage or configuration, 75 try again.
  var exitStatus: Int32 { get }
}

/// An error that every rank of the world throws at the same point of the program, so that no rank waits for another.
///
/// When it leaves the body of `MPI.run`, rank 0 alone prints it, and all ranks leave MPI in order and exit with its status. Throw one only
/// after the ranks have agreed (`Communicator.agree`), or where all compute the same.
public protocol CommonError: ExitStatusError {}
