import ArgumentParser
import Foundation
import Training

/// `rondo verify`
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train with several numbers of ranks and threads, and compare the bits of the weights.",
    discussion: """
      Starts mpirun for each combination, on this machine or in the allocation that it is run in. The exit status is 0 when all \
      combinations come to the same bits, 1 when not. Runs are written to a temporary folder and removed.
      """)

  @Argument(help: "The configuration, a YAML file with training.reproducible: true.")
  var config: String

  @Option(help: "Numbers of ranks, such as 1,2,3,4.", transform: NumberList.init)
  var ranks: NumberList

  @Option(help: "Numbers of threads of each rank, such as 1,2.", transform: NumberList.init)
  var threads = NumberList(numbers: [1])

  @Option(
    name: .customLong("set"), help: "KEY=VALUE: overrides a key, such as training.steps=20. Repeatable.")
  var overrides: [String] = []

  @Option(help: "Seconds that each run may take.")
  var timeout = 600

  @Flag(help: "Print one JSON object a line: the combinations, and the verdict last.")
  var json = false

  func validate() throws {
    if let refusal = Verification.refusal(ProcessInfo.processInfo.environment) {
      throw ValidationError(refusal)
    }
    guard (1...1_000_000).contains(timeout) else {
      throw ValidationError("--timeout: expected 1 to 1000000 seconds, found \(timeout)")
    }
  }

  func run() throws {
    try Job.runAlone {
      let verification = try Verification(
        try Configuration(contentsOf: config, overrides: overrides), ranks: ranks.numbers,
        threads: threads.numbers)
      let job = VerificationJob(
        program: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"), config: config,
        overrides: overrides, timeout: timeout)
      if !json { try show(Verification.Outcome.heading) }
      let result = try verification.run(job.run) { try show(json ? $0.json : $0.line) }
      try show(json ? result.json : result.verdict)
      Foundation.exit(result.exitStatus)
    }
  }

  /// Writes a line at once: the next may take minutes.
  private func show(_ line: String) throws { try Terminal.writeLine(line) }
}

/// Numbers as on the command line: `1,2,4`.
struct NumberList {
  let numbers: [Int]

  init(numbers: [Int]) { self.numbers = numbers }

  init(_ text: String) throws {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard numbers.allSatisfy({ (1...1 << 20).contains($0) }) else {
      throw ValidationError("expected numbers of at least 1 such as 1,2,4, found \"\(text)\"")
    }
    self.numbers = numbers
  }
}
