import COpenMPI

/// What is known about a message: who sent it, with which tag, how long it is (MPI 3.1 section 3.2.5).
public struct Status: Hashable, Sendable {
  /// The rank that sent the message.
  public let source: Int
  /// The tag it was sent with.
  public let tag: Int
  /// The length of the message.
  public let byteCount: Int

  /// MPI: MPI_Get_elements_x, MPI 3.1 section 4.1.11.
  init(_ status: MPI_Status) throws(MPIError) {
    source = Int(status.MPI_SOURCE)
    tag = Int(status.MPI_TAG)
    var bytes: MPI_Count = 0
    try withUnsafePointer(to: status) { (status) throws(MPIError) in
      try check(MPI_Get_elements_x(status, rondo_mpi_byte(), &bytes), "MPI_Get_elements_x")
    }
    byteCount = Int(bytes)
  }

  /// The length of the message in elements of `type`; nil when it is not a whole number of them.
  public func count<T: MPIScalar>(of type: T.Type) -> Int? {
    byteCount.isMultiple(of: T.datatype.size) ? byteCount / T.datatype.size : nil
  }
}
