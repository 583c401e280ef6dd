import ArgumentParser
import Foundation

/// `rondo`: trains neural networks on CPU clusters over MPI.
@main struct Rondo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rondo",
    abstract: "Train neural networks on CPU clusters over MPI.",
    discussion: """
      Start it under mpirun or srun, one rank per node: mpirun -n 2 rondo train config.yaml. Without a launcher it runs as one rank.
      """,
    version: rondoVersion,
    subcommands: [Train.self, Bench.self, Doctor.self])

  /// As `ParsableCommand.main`, with 2 for wrong usage as the other commands of a cluster have it.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      let code = exitCode(for: error)
      if code == .validationFailure {
        FileHandle.standardError.write(Data((fullMessage(for: error) + "\n").utf8))
        Foundation.exit(2)
      }
      exit(withError: error)
    }
  }
}
