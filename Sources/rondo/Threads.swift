import ArgumentParser
import BLAS
import Foundation
import Logging
import MPI
import Training

/// The option that commands with a compute pool share.
struct ThreadOptions: ParsableArguments {
  @Option(
    help: """
      Threads of each rank (default: OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else the cores that this rank may use).
      """)
  var threads: Int?

  /// The threads of this rank; warnings are printed once per host. Collective.
  func pool(on world: borrowing Communicator) throws -> ThreadPool {
    let host = try world.splitByHost()
    let affinity = CPUAffinity.current
    // Ranks on this node whose masks overlap share the cores of the mask.
    let sharing = try affinity.ranksSharing(on: host)
    let resolved = try CommonFailure.agreed(on: world) {
      do throws(ThreadCountError) {
        return try ThreadCount.resolve(
          option: threads, environment: ProcessInfo.processInfo.environment, affinity: affinity,
          ranksSharing: sharing, ranksOnNode: host.size)
      } catch {
        throw CommonFailure("\(error)", exitStatus: 2)
      }
    }
    if host.rank == 0 {
      for warning in resolved.warnings { Logger(label: "rondo.threads").warning("\(warning)") }
    }
    // Ranks that share a mask have only a part of its cores each.
    return ThreadPool(threads: resolved.count, cores: max(1, affinity.allowed.count / sharing))
  }
}

extension CPUAffinity {
  /// Ranks of `host`, this one among them, that may use a core that this one may use. Collective.
  func ranksSharing(on host: borrowing Communicator) throws(MPIError) -> Int {
    let width = try host.allreduce(allowed.max() ?? 0, .maximum) + 1
    var mine = [Int32](repeating: 0, count: width)
    for core in allowed { mine[core] = 1 }
    var users = mine
    var span = users.mutableSpan
    try host.allreduce(&span, .sum)
    return allowed.map { Int(users[$0]) }.max() ?? 1
  }
}
