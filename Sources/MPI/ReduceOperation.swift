import COpenMPI

/// How a reduction combines the elements of two ranks (MPI 3.1 section 5.9.2).
///
/// Which types take which operation: sum to maximum all numbers; logical ones integers and `Bool` (not zero
/// is true, the result is 0 or 1, except on one rank alone, which keeps its value); bitwise ones integers.
/// Any other pair throws `MPIError` of class `.operation`.
public enum ReduceOperation: Sendable, CaseIterable {
  case sum, product, minimum, maximum
  case logicalAnd, logicalOr, logicalXor
  case bitwiseAnd, bitwiseOr, bitwiseXor

  var handle: MPI_Op {
    switch self {
    case .sum: rondo_mpi_sum()
    case .product: rondo_mpi_product()
    case .minimum: rondo_mpi_minimum()
    case .maximum: rondo_mpi_maximum()
    case .logicalAnd: rondo_mpi_logical_and()
    case .logicalOr: rondo_mpi_logical_or()
    case .logicalXor: rondo_mpi_logical_xor()
    case .bitwiseAnd: rondo_mpi_bitwise_and()
    case .bitwiseOr: rondo_mpi_bitwise_or()
    case .bitwiseXor: rondo_mpi_bitwise_xor()
    }
  }
}
