import Foundation
import MPITestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Lines of metrics that cannot be written: they wait, and training goes on.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct MetricsFaultTests {
  /// The disk is full after some lines, and has room again later.
  @Test(.enabled(if: CheckpointFaultTests.canMount)) func linesWaitUntilThereIsRoom() throws {
    let run = try DisturbedRun()
    let script = """
      mkdir -p "$0" && mount -t tmpfs -o size=24k tmpfs "$0" || exit
      "$@" 2> "$0.log" & process=$!
      until grep -q "lines of metrics wait" "$0.log"; do kill -0 "$process" || exit; sleep 0.005; done
      kill -STOP "$process"
      mount -o remount,size=1m "$0"
      kill -CONT "$process"
      wait "$process"; status=$?
      cat "$0.log" >&2
      cp -r "$0" "$0.kept"
      exit $status
      """
    let job = try Job.run(
      ranks: 1, program: "unshare",
      arguments: [
        "-m", "sh", "-c", script, run.output, try rondo(), "train", run.config, "--threads", "1", "--output",
        run.output,
      ])
    #expect(job.exitStatus == 0 && job.warnings.count == 1, "\(job)")
    #expect(
      job.warnings.first
        == "\(run.output)/metrics.jsonl: cannot write (No space left on device); training goes on, and lines of metrics wait",
      "\(job)")
    #expect(job.output.contains("the lines of metrics that waited are written"), "\(job)")
    try RunRecord(run.output + ".kept").expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
  }

  /// All is in memory then.
  @Test func aDiskThatStaysFullEndsTheJobAtItsEndAndNamesTheFile() throws {
    let run = try DisturbedRun()
    try FileManager.default.createDirectory(atPath: run.output, withIntermediateDirectories: true)
    let file = run.output + "/metrics.jsonl"
    try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: "/dev/full")
    let job = try run.train(ranks: 2)
    let undisturbed = try DisturbedRun.undisturbed()
    let lines = undisturbed.steps.count + undisturbed.evaluations.count
    #expect(job.exitStatus == 1 && job.warnings.count == 1, "\(job)")
    #expect(
      job.errors == [
        "\(file): cannot write (No space left on device), and \(lines) lines are lost; when that is mended, the same command goes on"
      ], "\(job)")
    unlink(file)
    let again = try run.train(ranks: 2)
    #expect(again.exitStatus == 0 && again.resumed?.step == DisturbedRun.stepCount, "\(again)")
    #expect(try run.record().weights == undisturbed.weights)
  }

  /// What a run came to is in memory until all of it is written, on all ranks.
  @Test(arguments: ["model.safetensors", "evaluation.json"], [1, 3])
  func whatCannotBeWrittenInTheEndIsWrittenByTheSameCommand(name: String, ranks: Int) throws {
    let run = try DisturbedRun()
    // A folder in the place of the file.
    try FileManager.default.createDirectory(
      atPath: "\(run.output)/\(name)/something", withIntermediateDirectories: true)
    // Its last checkpoint cannot be written either.
    try Data("no folder".utf8).write(to: URL(fileURLWithPath: run.checkpoints))
    let steps = ["--set", "training.steps=40", "--set", "checkpoint.every_steps=40"]
    let job = try run.train(ranks: ranks, steps)
    #expect(job.exitStatus == 1 && job.errors.count == 1, "\(job)")
    #expect(job.errors.first?.hasPrefix("\(run.output)/\(name): ") == true, "\(job)")
    #expect(job.errors.first?.hasSuffix("; when that is mended, the same command goes on") == true, "\(job)")
    for path in ["\(run.output)/\(name)", run.checkpoints] {
      try FileManager.default.removeItem(atPath: path)
    }
    let again = try run.train(ranks: ranks, steps)
    #expect(try run.record().checkpoints == ["step-00000040"], "\(again)")
    #expect(again.exitStatus == 0 && again.resumed?.step == 40, "\(again)")
    #expect(try run.record().steps.map(\.step) == Array(1...40), "\(again)")
    #expect(try run.record().memory.isEmpty)
  }

  @Test func aRunThatCannotOpenTheFileAgainStaysInMemory() throws {
    let run = try DisturbedRun()
    let file = run.output + "/metrics.jsonl"
    let killed = try run.train(ranks: 2, lines: 40) { kill($0[1], SIGKILL) }
    #expect(killed.exitStatus != 0, "\(killed)")
    let step = try run.lastStep()
    try FileManager.default.moveItem(atPath: file, toPath: file + ".old")
    try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
    let job = try run.train(ranks: 2)
    #expect(job.exitStatus == 1 && job.errors.count == 1, "\(job)")
    #expect(job.errors.first?.hasPrefix("\(file): cannot write (") == true, "\(job)")
    try FileManager.default.removeItem(atPath: file)
    try FileManager.default.moveItem(atPath: file + ".old", toPath: file)
    let again = try run.train(ranks: 2)
    #expect(again.resumed?.step ?? 0 >= step && again.resumed?.place == ", which was in memory", "\(again)")
    try run.record().expectSameCourse(as: try DisturbedRun.undisturbed(), "\(again)")
  }
}
