import Foundation
import MPI
import Training

/// Runs a command's work on all ranks.
enum Job {
  /// Starts MPI, runs `body`, and ends the process with the status that the outcome asks for.
  ///
  /// What rank 0 has to say of a `CommonError` gets the program's name in front.
  static func run(_ body: (borrowing Communicator) throws -> Void) throws -> Never {
    try runForStatus { world in
      try body(world)
      return 0
    }
  }

  /// As above, where the outcome has a status that is no error's.
  static func runForStatus(_ body: (borrowing Communicator) throws -> Int32) throws -> Never {
    let status = try MPI.run { world -> Int32 in
      do {
        return try body(world)
      } catch let failure as any CommonError {
        if world.rank == 0 { warn("error: \(failure)") }
        return failure.exitStatus
      }
    }
    Foundation.exit(status)
  }

  /// Runs a command that needs no other ranks: where a launcher has started several, the first one. What is wrong with its input becomes one line
  /// and the status for it.
  static func runAlone(_ body: () throws -> Void) throws {
    guard isFirst else { return }
    try runHere(body)
  }

  /// As above, on each rank for itself.
  static func runHere(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let failure as any ExitStatusError {
      warn("error: \(failure)")
      Foundation.exit(failure.exitStatus)
    }
  }

  /// Writes a line at once, on rank 0; all ranks fail where a full disk does not take it. Collective.
  ///
  /// - Parameter line: asked for on rank 0 alone.
  static func show(_ line: @autoclosure () throws -> String, on world: borrowing Communicator) throws {
    try CommonFailure.agreed(on: world) {
      if world.rank == 0 { try Terminal.writeLine(line()) }
    }
  }

  /// For what needs somebody to measure itself against.
  static func refuseOneRank(_ command: String, on world: borrowing Communicator) throws(CommonFailure) {
    guard world.size == 1 else { return }
    throw CommonFailure(
      "\(command) measures ranks against each other; start it under mpirun", exitStatus: 2)
  }

  /// Debian's Open MPI aborts in MPI_Init, at length, when srun started several tasks and offers no PMIx. One line instead.
  static func refuseStepWithoutPMIx(_ environment: [String: String]) {
    let isStep = environment["SLURM_STEP_ID"] != nil && environment["SLURM_SRUN_COMM_HOST"] != nil
    let tasks = environment["SLURM_STEP_NUM_TASKS"] ?? environment["SLURM_NTASKS"] ?? "1"
    guard isStep, tasks != "1", environment["PMIX_RANK"] == nil, environment["OMPI_COMM_WORLD_RANK"] == nil
    else { return }
    if environment["SLURM_PROCID"] ?? "0" == "0" {
      warn(
        "error: srun started \(tasks) tasks without PMIx, so they cannot find each other; use srun --mpi=pmix -K1, or mpirun in "
          + "the allocation (slurm/train.sbatch)")
    }
    Foundation.exit(2)
  }

  /// Whether this is rank 0 of the job, as far as a launcher says.
  static var isFirst: Bool {
    let environment = ProcessInfo.processInfo.environment
    return (environment["OMPI_COMM_WORLD_RANK"] ?? environment["PMIX_RANK"] ?? "0") == "0"
  }

  /// One line on standard error.
  static func warn(_ line: String) { MPI.say("rondo: \(line)") }
}
