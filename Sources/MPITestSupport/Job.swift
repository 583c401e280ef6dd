import Foundation

/// A program run under mpirun from inside a test: its end, its time, all it printed.
///
/// For what a test process cannot survive itself: aborts, ranks that are killed. Every job has a time limit.
public struct Job: Sendable, CustomStringConvertible {
  /// The command, to run again by hand.
  public let command: String
  /// mpirun's exit status. After a lost rank do not trust its value, only that it is not 0.
  public let exitStatus: Int32
  public let seconds: Double
  /// Whether its limit ended it.
  public let ranOutOfTime: Bool
  /// Standard output and standard error of mpirun and all ranks; lines of ranks begin with
  /// `[1,RANK]<stdout>:` or the like.
  public let output: String

  /// What to print when an expectation about the job fails.
  public var description: String {
    "\(command)\nexit status \(exitStatus) after \(seconds) s; output:\n\(output)"
  }

  /// Runs `program` with `ranks` ranks, for at most `limit` seconds: what only a job that hangs takes, also on a busy machine.
  public static func run(
    ranks: Int, program: String, arguments: [String] = [], environment: [String: String] = [:],
    limit: Int = 120
  ) throws -> Job {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    var words = ["mpirun", "-n", "\(ranks)"] + mpirunOptions + ["--timeout", "\(limit)"]
    for name in environment.keys.sorted() { words += ["-x", name] }
    words += [program] + arguments
    // mpirun's own limit may fail with mpirun; this one is outside.
    // A thread of a pool, as this may be, has signals blocked, and what it starts would never see them.
    process.arguments = ["--default-signal", "timeout", "--kill-after=5", "\(limit + 5)"] + words
    process.environment = launchEnvironment.merging(environment) { $1 }
    let start = Date()
    let output = try MPITestSupport.output(of: process)
    let seconds = Date().timeIntervalSince(start)
    return Job(
      command: words.joined(separator: " "), exitStatus: process.terminationStatus, seconds: seconds,
      ranOutOfTime: seconds >= Double(limit), output: output)
  }

  /// Runs one test of this test bundle under mpirun: a test that is disabled unless `environment` enables it.
  public static func runTest(
    _ filter: String, ranks: Int, environment: [String: String], limit: Int = 120
  ) throws -> Job {
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return try run(
      ranks: ranks, program: bundle,
      arguments: ["--testing-library", "swift-testing", "--no-parallel", "--filter", filter],
      environment: environment, limit: limit)
  }

  /// What it takes on a machine with few cores: more ranks than cores, which then must not spin.
  private static let mpirunOptions = [
    "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", "--tag-output",
  ]

  /// This process's environment without what MPI has put there: a job started from a running rank must not
  /// take itself for a part of it.
  public static var launchEnvironment: [String: String] {
    var environment = ProcessInfo.processInfo.environment.filter { name, _ in
      !["OMPI_", "PMIX_", "ORTE_", "OPAL_", "PRTE_"].contains { name.hasPrefix($0) }
    }
    environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    return environment
  }
}
