import ArgumentParser
import Foundation
import Logging

/// `rondo`: trains neural networks on CPU clusters over MPI.
@main struct Rondo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rondo",
    abstract: "Train neural networks on CPU clusters over MPI.",
    discussion: """
      Start it under mpirun or srun, one rank per node: mpirun -n 2 rondo train config.yaml. Without a launcher it runs as one rank.
      """,
    version: rondoVersion,
    subcommands: [
      Train.self, Evaluate.self, Predict.self, Inspect.self, Verify.self, Bench.self, Simulate.self,
      Tune.self,
      Doctor.self,
    ])

  /// As `ParsableCommand.main`, with exit status 2 and one line for wrong usage. All ranks of a job parse the same words before MPI is
  /// there; the first one speaks.
  static func main() {
    // A reader that has gone (`| head`) is no reason to end a run.
    signal(SIGPIPE, SIG_IGN)
    // What is opened later must not become standard output because that was closed (`>&-`), and be written over.
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDWR)
    }
    LoggingSystem.bootstrap { _ in StandardErrorLog() }
    do {
      var command = try parseAsRoot()
      Job.refuseStepWithoutPMIx(ProcessInfo.processInfo.environment)
      try command.run()
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      if Job.isFirst {
        let text = message(for: error).split(separator: "\n").joined(separator: " ")
        Job.warn("error: \(text); rondo --help and rondo COMMAND --help list what there is")
      }
      Foundation.exit(2)
    }
  }
}
