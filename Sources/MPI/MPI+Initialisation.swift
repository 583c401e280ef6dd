import COpenMPI

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
    var provided: Int32 = 0
    try check(MPI_Init_thread(nil, nil, threadLevel.handle, &provided), "MPI_Init_thread")
    // Without this, MPI prints its text and ends the job before a return code can be seen. Communicators made
    // from the world inherit the setting.
    try check(
      MPI_Comm_set_errhandler(rondo_mpi_comm_world(), rondo_mpi_errors_return()), "MPI_Comm_set_errhandler")
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
