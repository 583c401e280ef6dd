import BLAS
import Logging
import MPI

/// Ranks on which OpenBLAS has chosen different kernels, as it does by the processor: each number of ranks then comes to bits of its own.
enum MixedKernels {
  /// One line on rank 0 where there are some. Collective.
  static func warn(on world: borrowing Communicator) throws(MPIError) {
    guard world.size > 1 else { return }
    let kernels = try world.allgather(BLAS.kernelName)
    let hosts = try world.allgather(MPI.processorName)
    guard world.rank == 0, let line = line(kernels, hosts: hosts) else { return }
    Logger(label: "rondo.training").warning("\(line)")
  }

  /// - Parameters:
  ///   - kernels: of each rank.
  ///   - hosts: of each rank.
  static func line(_ kernels: [String], hosts: [String]) -> String? {
    guard let other = kernels.firstIndex(where: { $0 != kernels[0] }) else { return nil }
    return
      "OpenBLAS computes with its kernel \(kernels[0]) on \(hosts[0]) and with \(kernels[other]) on \(hosts[other]) (rank \(other)): another number "
      + "of ranks comes to other bits of weights; have all take one that all processors can run, such as mpirun -x "
      + "OPENBLAS_CORETYPE=Haswell"
  }
}
