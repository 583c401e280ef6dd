import Foundation
import MPITestSupport
import Testing

/// `rondo verify`, which starts mpirun itself.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct VerifyTests {
  private struct End {
    let status: Int32
    let output: String
    var lines: [String] { output.split(separator: "\n").map(String.init) }
  }

  /// - Parameter path: a folder that is searched for programs first.
  private static func verify(_ arguments: [String], path: String? = nil, limit: Int = 120) throws -> End {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "--kill-after=5", "\(limit)", try rondo(), "verify"] + arguments
    var environment = Job.launchEnvironment
    if let path { environment["PATH"] = "\(path):\(environment["PATH"] ?? "/usr/bin:/bin")" }
    process.environment = environment
    let output = try output(of: process)
    return End(status: process.terminationStatus, output: output)
  }

  private static let reproducible = ["--set", "training.reproducible=true"]

  /// The promise, at the command line.
  @Test(arguments: ["mlp", "gpt"]) func anyNumberOfRanksAndThreadsComesToTheSameBits(model: String) throws {
    let directory = try TemporaryDirectory()
    var text = digitsConfiguration(
      hidden: [40, 20], dropout: 0.1, microbatch: 20,
      training: ["steps: 12", "clip_norm: 0.5", "optimizer: { kind: lamb, learning_rate: 0.01 }"])
    if model == "gpt" {
      let path = try directory.write("t.txt", String(repeating: "abcdefgh ", count: 100))
      text = """
        model: { kind: gpt, layers: 1, heads: 2, width: 16, context: 16 }
        data: { path: \(path), format: text }
        training: { batch: 10, microbatch: 2, steps: 5, optimizer: { kind: adamw, learning_rate: 0.01 } }

        """
    }
    let config = try directory.write("c.yaml", text)
    let end = try Self.verify([config, "--ranks", "1,2,3,4", "--threads", "1,2"])
    #expect(end.status == 0 && end.lines.last == "same bits on all 8 combinations", "\(end)")
  }

  @Test func anyNumberOfThreadsComesToTheSameBits() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let end = try Self.verify([config, "--ranks", "1", "--threads", "1,2,3"] + Self.reproducible)
    #expect(end.status == 0, "\(end)")
    #expect(end.lines.first == "ranks  threads   seconds  weights" && end.lines.count == 5, "\(end)")
    #expect(end.lines.last == "same bits on all 3 combinations", "\(end)")
    // The digest is that of a run of its own.
    let run = directory.path + "/run"
    let job = try Job.run(
      ranks: 1, program: try rondo(),
      arguments: ["train", config, "--threads", "2", "--output", run] + Self.reproducible)
    let summary = try String(contentsOfFile: run + "/summary.json", encoding: .utf8)
    let prefix = try #require(end.lines[1].split(separator: " ").last)
    #expect(prefix.count == 12 && summary.contains("\"weights_sha256\" : \"\(prefix)"), "\(job)")
  }

  /// A mpirun that writes what the test wants a run to have come to. `$ranks`, `$threads` and `$output` are those of the run.
  private static func fakeLauncher(_ directory: TemporaryDirectory, _ script: String) throws {
    let path = try directory.write(
      "mpirun",
      """
      #!/bin/sh
      while [ $# -gt 0 ]; do
        case $1 in -n) ranks=$2 ;; --threads) threads=$2 ;; --output) output=$2 ;; esac
        shift
      done
      mkdir -p "$output"
      \(script)

      """)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
  }

  @Test func differentBitsAreToldWithTheCombination() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    try Self.fakeLauncher(
      directory,
      #"if [ $threads = 3 ]; then h=bad; else h=good; fi; echo "{\"weights_sha256\": \"$h\"}" > "$output/summary.json""#
    )
    let arguments = [config, "--ranks", "1", "--threads", "2,3,4"] + Self.reproducible
    let end = try Self.verify(arguments, path: directory.path)
    #expect(end.status == 1, "\(end)")
    #expect(
      end.lines.last == "different bits: 1 rank x 3 threads (bad) differs from 1 rank x 2 threads (good)",
      "\(end)")
    let json = try Self.verify(arguments + ["--json"], path: directory.path)
    #expect(json.lines.last == #"{"combinations":3,"different":1,"same":false}"#, "\(json)")
    #expect(json.status == 1 && json.lines.count == 4, "\(json)")
  }

  @Test func aRunThatFailsIsToldInItsOwnWords() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let arguments = [config, "--ranks", "1", "--threads", "1,2"] + Self.reproducible
    for (script, status, line) in [
      (
        "echo noise; echo 'rondo: error: step 3: the loss is nan' >&2; exit 1", 1,
        "rondo: error: 1 rank x 1 thread: exit status 1: step 3: the loss is nan"
      ),
      (
        "echo 'rondo: error: c.csv: no such file' >&2; exit 2", 2,
        "rondo: error: 1 rank x 1 thread: exit status 2: c.csv: no such file"
      ),
      ("exit 0", 1, "rondo: error: 1 rank x 1 thread: the run wrote no summary.json"),
    ] {
      try Self.fakeLauncher(directory, script)
      let end = try Self.verify(arguments + ["--timeout", "30"], path: directory.path)
      #expect(Int(end.status) == status && end.lines.contains { $0.hasPrefix(line) }, "\(end)")
    }
    let missing = try Self.verify(
      ["/nowhere.csv", "--ranks", "1,2"], path: directory.path)
    #expect(missing.status == 2 && missing.output.contains("/nowhere.csv"), "\(missing)")
  }

  @Test func aRunThatTakesTooLongIsEnded() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let end = try Self.verify(
      [config, "--ranks", "1,1", "--timeout", "2", "--set", "training.steps=100000000"] + Self.reproducible)
    #expect(end.status == 1, "\(end)")
    #expect(
      end.lines.contains(
        "rondo: error: 1 rank x 1 thread: no end after 2 s; allow more with --timeout, or train fewer steps"),
      "\(end)")
  }

  @Test func underALauncherItIsRefusedByOneLine() throws {
    let job = try Job.run(ranks: 2, program: try rondo(), arguments: ["verify", "c.yaml", "--ranks", "1,2"])
    let lines = job.output.split(separator: "\n").filter { $0.contains("rondo: error: ") }
    #expect(job.exitStatus == 2 && lines.count == 1, "\(job)")
    #expect(lines.first?.contains("without mpirun and srun") == true, "\(job)")
  }

  @Test(arguments: [
    ["--ranks", "1,2", "--set", "training.reproducible=false"], ["--ranks", "1,5"], ["--ranks", "0,1"],
    ["--ranks", "1,,2"], ["--ranks", "1", "--threads", "two"], ["--ranks", "1,1", "--timeout", "0"], [],
  ])
  func whatCannotBeVerifiedIsRefused(arguments: [String]) throws {
    let directory = try TemporaryDirectory()
    let end = try Self.verify([try directory.write("c.yaml", digits)] + arguments)
    #expect(end.status == 2 && end.lines.filter { $0.hasPrefix("rondo: error: ") }.count == 1, "\(end)")
  }
}
