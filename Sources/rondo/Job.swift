import ArgumentParser
import Foundation
import MPI
import Training

/// Runs a command's work on all ranks.
enum Job {
  /// Starts MPI, runs `body`, and ends the process with the status that the outcome asks for.
  ///
  /// A `CommonFailure` is known to all ranks: rank 0 prints it as one line and all leave MPI in order. Any other error ends the whole job at
  /// once, with the rank named.
  static func run(_ body: (borrowing Communicator) throws -> Void) throws -> Never {
    let status = try MPI.run { world -> Int32 in
      do {
        try body(world)
        return 0
      } catch let failure as CommonFailure {
        if world.rank == 0 { warn("error: \(failure)") }
        return failure.exitStatus
      }
    }
    Foundation.exit(status)
  }

  /// One line on standard error.
  static func warn(_ line: String) {
    FileHandle.standardError.write(Data("rondo: \(line)\n".utf8))
  }
}
