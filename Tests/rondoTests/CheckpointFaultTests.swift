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
  private static let canMount: Bool = {
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
}
