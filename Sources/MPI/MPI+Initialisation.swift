import COpenMPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension MPI {
  /// The first half of `MPI.run`, for programs whose main function is not their own: test bundles.
  package static func initialise(threadLevel: ThreadLevel) throws(MPIError) {
    if wasFinalised {
      throw MPIError(
        usage: "MPI has already been started and ended in this process, which it allows once: "
          + "make one call of MPI.run around the whole program",
        in: "MPI.run", class: .other)
    }
    if wasInitialised {
      throw MPIError(
        usage: "MPI is already running in this process: pass on the communicator that the first MPI.run gave",
        in: "MPI.run", class: .other)
    }
    doWithoutDaemon()
    var provided: Int32 = 0
    try check(MPI_Init_thread(nil, nil, threadLevel.handle, &provided), "MPI_Init_thread")
    // Without this, MPI prints its text and ends the job before a return code can be seen. Communicators made
    // from the world inherit the setting.
    try check(
      MPI_Comm_set_errhandler(rondo_mpi_comm_world(), rondo_mpi_errors_return()), "MPI_Comm_set_errhandler")
  }

  /// Where no launcher started this process, Open MPI starts a daemon beside it, for processes that it might spawn; this module spawns none.
  /// The daemon is `orted` and asks for `ssh` or `rsh`, though it connects to nothing, and MPI_Init ends the process, with a page of text, when it does not find
  /// them. Where they may not be found, Open MPI is told to do without. Ranks that were launched do not look at this variable.
  private static func doWithoutDaemon() {
    if !isInPath("orted") || !isInPath("ssh") && !isInPath("rsh") {
      setenv("OMPI_MCA_ess_singleton_isolated", "1", 0)
    }
  }

  private static func isInPath(_ program: String) -> Bool {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
  }

  /// The second half of `MPI.run`. Waits for all ranks.
  package static func finalise() throws(MPIError) {
    try check(MPI_Finalize(), "MPI_Finalize")
  }

  /// Gives `body` the world between `initialise` and `finalise`.
  package static func withWorld<Result: ~Copyable>(
    _ body: (borrowing Communicator) throws -> Result
  ) throws -> Result {
    try body(try Communicator.world())
  }
}
