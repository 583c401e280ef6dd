import BLAS
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Trains with one combination of a verification: `rondo train` under mpirun, into a folder that is removed afterwards.
public struct VerificationJob: Sendable {
  /// This program.
  public let program: String
  /// What `rondo train` is given besides threads and output: the configuration and its overrides.
  public let arguments: [String]
  /// Seconds that a run may take.
  public let timeout: Int
  /// For mpirun and the ranks.
  public let environment: [String: String]
  /// Cores that this process may use.
  let cores: Int

  public init(
    program: String, config: String, overrides: [String], timeout: Int,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    self.program = program
    arguments = [config] + overrides.flatMap { ["--set", $0] }
    self.timeout = timeout
    cores = CPUAffinity.current.allowed.count
    var environment = environment
    if geteuid() == 0 {
      environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    }
    self.environment = environment
  }

  /// The command of a run.
  func words(_ combination: Verification.Combination, output: String) -> [String] {
    // Ranks are not bound: on one machine their threads share its cores.
    var words = ["mpirun", "-n", "\(combination.ranks)", "--oversubscribe", "--bind-to", "none"]
    if combination.ranks * combination.threads > cores { words += ["--mca", "mpi_yield_when_idle", "1"] }
    return words + ["--timeout", "\(timeout)", program, "train"] + arguments
      + ["--threads", "\(combination.threads)", "--output", output, "--json"]
      // Nobody goes on with such a run.
      + ["--set", "checkpoint.survive=false"]
  }

  /// Trains.
  ///
  /// - Throws: `VerificationError` for a run that fails or takes too long, with what it said of it.
  public func run(_ combination: Verification.Combination) throws -> Verification.Outcome {
    let folder = FileManager.default.temporaryDirectory.path + "/rondo-verify-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let log = folder + "/log"
    func failure(_ problem: String, exitStatus: Int32 = 1) -> VerificationError {
      VerificationError(description: "\(combination): \(problem)", exitStatus: exitStatus)
    }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data().write(to: URL(filePath: log))
    } catch {
      throw failure("\(folder) cannot be written; set TMPDIR to a folder that can")
    }
    let start = ContinuousClock.now
    let end = try Self.run(
      words(combination, output: folder + "/run"), environment: environment, log: log, limit: timeout + 15)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let said = Self.reason(try? String(contentsOfFile: log, encoding: .utf8))
    switch end {
    case .exit(0): break
    case .signal(let number): throw failure("interrupted", exitStatus: 128 + number)
    case .exit(127): throw failure("mpirun is not in PATH")
    case .exit(let status) where seconds < Double(timeout):
      throw failure("exit status \(status)\(said)", exitStatus: status == 2 ? 2 : 1)
    case .exit, .limit:
      throw failure("no end after \(timeout) s; allow more with --timeout, or train fewer steps")
    }
    guard let summary = try? Data(contentsOf: URL(filePath: folder + "/run/summary.json")),
      let weights = try? JSONLine.decode(Weights.self, from: summary)
    else { throw failure("the run wrote no summary.json\(said)") }
    return Verification.Outcome(combination, seconds: seconds, sha256: weights.weightsSha256)
  }

  private struct Weights: Decodable {
    let weightsSha256: String
  }

  /// What a run said of its failure: `rondo`'s own line if there is one, else the last.
  private static func reason(_ log: String?) -> String {
    let lines = (log ?? "").split(separator: "\n").filter { !$0.allSatisfy { "- ".contains($0) } }
    let prefix = "rondo: error: "
    if let own = lines.first(where: { $0.contains(prefix) }), let range = own.range(of: prefix) {
      return ": \(own[range.upperBound...])"
    }
    return lines.last.map { ": \($0)" } ?? ""
  }

  private enum End {
    case exit(Int32)
    /// It did not end in time and was killed.
    case limit
    /// This process was sent one of the signals that end it.
    case signal(Int32)
  }

  /// Runs a command to its end, and ends it when this process is asked to end.
  private static func run(
    _ words: [String], environment: [String: String], log: String, limit: Int
  ) throws -> End {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    let output = try FileHandle(forWritingTo: URL(filePath: log))
    defer { try? output.close() }
    process.standardOutput = output
    process.standardError = output
    let events = DispatchSemaphore(value: 0)
    let state = Mutex((hasEnded: false, signal: Int32?.none))
    process.terminationHandler = { _ in
      state.withLock { $0.hasEnded = true }
      events.signal()
    }
    let signals = [SIGINT, SIGTERM, SIGHUP].map { number in
      // The source sees it; the default would end this process alone.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler {
        state.withLock { $0.signal = number }
        events.signal()
      }
      source.resume()
      return (number, source)
    }
    defer {
      for (number, source) in signals {
        source.cancel()
        signal(number, SIG_DFL)
      }
    }
    try process.run()
    let inTime = events.wait(timeout: .now() + .seconds(limit)) == .success
    if !state.withLock({ $0.hasEnded }) {
      // mpirun passes it on to the ranks.
      process.terminate()
      if events.wait(timeout: .now() + .seconds(10)) == .timedOut {
        kill(process.processIdentifier, SIGKILL)
      }
    }
    process.waitUntilExit()
    if let number = state.withLock({ $0.signal }) { return .signal(number) }
    return inTime ? .exit(process.terminationStatus) : .limit
  }
}
