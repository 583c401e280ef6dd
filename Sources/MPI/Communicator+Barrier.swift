import COpenMPI

extension Communicator {
  /// Returns when all ranks have called it.
  ///
  /// MPI: MPI_Barrier, MPI 3.1 section 5.3.
  public func barrier() throws(MPIError) {
    try compare("barrier")
    try check(MPI_Barrier(handle), "MPI_Barrier")
  }

  /// A request that is complete when all ranks have called this.
  ///
  /// MPI: MPI_Ibarrier, MPI 3.1 section 5.12.1.
  public func startBarrier() throws(MPIError) -> OwningRequest<Void> {
    var calls = PendingCalls("startBarrier", .started)
    try calls.issue("MPI_Barrier", { MPI_Barrier(handle) }, started: { MPI_Ibarrier(handle, $0) })
    return OwningRequest(calls, ())
  }
}
