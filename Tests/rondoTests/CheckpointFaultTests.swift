import Foundation
import MPITestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Checkpoints that cannot be written: each costs a line, and neither the run nor an earlier checkpoint.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct CheckpointFaultTests {
  private static let every = ["--set", "checkpoint.every_steps=50"]

  /// Whether this user may mount file systems for a process of their own.
  static let canMount: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    guard (try? output(of: process)) != nil else { return false }
    return process.terminationStatus == 0
  }()

  /// A run of one rank whose folder of checkpoints is a file system of its own.
  private static func train(_ run: DisturbedRun, mounting options: String) throws -> Job {
    let command = """
      mkdir -p "$0" && mount -t tmpfs -o \(options) tmpfs "$0" && "$@"; status=$?; echo "left: $(ls "$0")"; exit $status
      """
    return try Job.run(
      ranks: 1, program: "unshare",
      arguments: [
        "-m", "sh", "-c", command, run.checkpoints, try rondo(), "train", run.config, "--threads", "1",
        "--output",
        run.output,
      ] + every)
  }

  private static func expectWarnings(
    _ job: Job, steps: [Int], last: String, location: SourceLocation = #_sourceLocation
  ) {
    #expect(job.exitStatus == 0 && job.warnings.count == steps.count, "\(job)", sourceLocation: location)
    for (warning, step) in zip(job.warnings, steps) {
      #expect(
        warning.hasPrefix("no checkpoint of step \(step): ")
          && warning.hasSuffix("; training goes on, \(last)"),
        "\(job)", sourceLocation: location)
    }
  }

  @Test(.enabled(if: canMount)) func aFullDiskCostsALineForEachCheckpoint() throws {
    let run = try DisturbedRun()
    // One checkpoint takes 11 to 13 pages.
    let job = try Self.train(run, mounting: "size=68k")
    Self.expectWarnings(
      job, steps: Array(stride(from: 100, through: DisturbedRun.stepCount, by: 50)),
      last: "the last whole checkpoint is that of step 50")
    #expect(job.warnings.allSatisfy { $0.contains("No space left on device") }, "\(job)")
    #expect(job.output.contains("left: step-00000050"), "\(job)")
    try run.record().expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
  }

  @Test(.enabled(if: canMount)) func aReadOnlyDiskCostsALineForEachCheckpoint() throws {
    let run = try DisturbedRun()
    let job = try Self.train(run, mounting: "ro")
    Self.expectWarnings(
      job, steps: Array(stride(from: 50, through: DisturbedRun.stepCount, by: 50)),
      last: "there is no checkpoint yet")
    try run.record().expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
  }

  private static func blocked() throws -> DisturbedRun {
    let run = try DisturbedRun()
    try FileManager.default.createDirectory(atPath: run.output, withIntermediateDirectories: true)
    try Data("no folder".utf8).write(to: URL(fileURLWithPath: run.checkpoints))
    return run
  }

  @Test func aFileInThePlaceOfTheFolderCostsALineForEachCheckpoint() throws {
    let run = try Self.blocked()
    let job = try run.train(ranks: 2, Self.every)
    Self.expectWarnings(
      job, steps: Array(stride(from: 50, through: DisturbedRun.stepCount, by: 50)),
      last: "there is no checkpoint yet")
    try run.record().expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
  }

  /// A run that is asked to stop and cannot write has failed; its memory still outlives it.
  @Test func aRunThatStopsWithoutACheckpointSaysSoAndLosesNothing() throws {
    let run = try Self.blocked()
    let stopped = try run.train(ranks: 2, lines: 40) { kill($0[1], SIGTERM) }
    let step = try run.lastStep()
    #expect(stopped.exitStatus == 1 && stopped.errors.count == 1, "\(stopped)")
    #expect(
      stopped.errors.first?.hasPrefix(
        "stopped by a signal after step \(step) of \(DisturbedRun.stepCount), and its checkpoint could not be written"
      )
        == true, "\(stopped)")
    let refused = try run.train(ranks: 2)
    #expect(refused.exitStatus == 2 && refused.errors.first?.contains(run.checkpoints) == true, "\(refused)")
    try FileManager.default.removeItem(atPath: run.checkpoints)
    let job = try run.train(ranks: 2)
    #expect(job.resumed?.step == step && job.resumed?.place == ", which was in memory", "\(job)")
    try run.record().expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
  }

  /// A learning rate with which losses go up and down.
  private static let restless = digitsConfiguration(
    seed: 5, hidden: [24, 16], dropout: 0.1, microbatch: 20,
    training: ["steps: 1500", "evaluate_every_epochs: 5", "optimizer: { kind: adamw, learning_rate: 1e-1 }"],
    checkpoint: ["best: loss", "keep: 1"])

  /// The disk is full from the second checkpoint on. After eight evaluations the run is killed, then there is room, and the run goes on: in
  /// both lives each evaluation that is better than that of the best checkpoint on disk is to be written, also where one that could not
  /// be written was better still.
  @Test(.enabled(if: canMount)) func aBestCheckpointThatCannotBeWrittenIsNotRecorded() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", Self.restless)
    let output = directory.path + "/run"
    let script = """
      # mpirun starts a rank once: each life of the run starts by itself.
      unset $(env | sed -nE 's/^((OMPI|PMIX)_[A-Za-z0-9_]+)=.*/\\1/p')
      folder=$0/checkpoints
      mkdir -p "$folder" && mount -t tmpfs -o size=68k tmpfs "$folder" || exit
      "$@" & process=$!
      until [ "$(grep -c evaluation "$0/metrics.jsonl")" -ge 8 ]; do sleep 0.01; done 2> /dev/null
      kill -KILL "$process" && wait "$process"
      echo "first: $(cd "$folder" && echo step-*)"
      mount -o remount,size=1m "$folder" && "$@"; status=$?
      echo "left: $(cd "$folder" && echo step-*), recorded: $(grep -h kept_step "$folder"/*/state.json)"
      exit $status
      """
    let job = try Job.run(
      ranks: 1, program: "unshare",
      arguments: [
        "-m", "sh", "-c", script, output, try rondo(), "train", config, "--threads", "1", "--output", output,
      ])
    let evaluations = try RunRecord(output).evaluations
    var failed = job.warnings.compactMap { warning in
      warning.split(separator: "no checkpoint of step ", maxSplits: 1).first.flatMap {
        Int($0.prefix { $0.isNumber })
      }
    }
    let failures = failed.count
    var best: RunRecord.Evaluation?
    var written: [Int] = []
    for evaluation in evaluations {
      let loss = try #require(evaluation.evaluation["loss"])
      guard loss < best?.evaluation["loss"] ?? .infinity else { continue }
      if failed.first == evaluation.step {
        failed.removeFirst()
      } else {
        best = evaluation
        written.append(evaluation.step)
      }
    }
    let folders = written.map(CheckpointFolder.name)
    #expect(job.exitStatus == 0 && job.resumed?.place == ", which was in memory", "\(job)")
    // Among the failed ones are some that were worse than another failed one.
    #expect(failed.isEmpty && failures > 4 && written.count > 1, "\(written); \(job)")
    #expect(job.output.contains("first: \(folders.first ?? "")\n"), "\(job)")
    #expect(
      job.output.contains(
        "left: \(folders.last ?? ""), recorded:     \"kept_step\" : \(written.last ?? -1),"), "\(job)")
    #expect(
      job.warnings.allSatisfy {
        $0.contains("No space left on device")
          && $0.hasSuffix("; training goes on, the last whole checkpoint is that of step 30")
      }, "\(job)")
  }
}
