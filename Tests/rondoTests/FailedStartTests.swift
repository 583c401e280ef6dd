import Foundation
import MPITestSupport
import Testing

/// A run that fails before its first step leaves nothing: the command is corrected and given again.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct FailedStartTests {
  @Test func aCorrectedCommandFindsNoRunInItsWay() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let (first, output) = (directory.path + "/first", directory.path + "/run")
    func train(_ output: String, ranks: Int = 1, _ arguments: [String]) throws -> Job {
      try Job.run(
        ranks: ranks, program: try rondo(),
        arguments: ["train", config, "--threads", "1", "--output", output] + arguments)
    }
    let begun = try train(first, ["--set", "checkpoint.every_steps=10"])
    #expect(begun.exitStatus == 0, "\(begun)")
    for (arguments, part) in [
      (["--set", "training.initial_weights.path=nowhere.safetensors"], "nowhere.safetensors"),
      (["--resume", first, "--set", "model.hidden=[20]"], "hidden.0.weight has shape [64, 16]"),
      (
        ["--resume", first, "--set", "training.steps=19"],
        "this run ends after step 19, and what it begins with"
      ),
      (
        ["--set", "training.optimizer.frozen=[hiden.0.*]"],
        #"training.optimizer.frozen: no parameter matches "hiden.0.*""#
      ),
    ] {
      let failed = try train(output, ranks: 2, arguments)
      #expect(failed.exitStatus == 2 && failed.errors.count == 1, "\(failed)")
      #expect(failed.errors.first?.contains(part) == true, "\(failed)")
      #expect(!FileManager.default.fileExists(atPath: output), "\(failed)")
    }
    // Memory of a run has its directory's name in it.
    let memory = try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").filter { name in
      guard name.hasPrefix("rondo-"), let bytes = FileManager.default.contents(atPath: "/dev/shm/\(name)")
      else { return false }
      return bytes.range(of: Data(output.utf8)) != nil
    }
    #expect(memory.isEmpty)
    // What was in the directory before stays there.
    try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    _ = try directory.write("run/notes.txt", "mine")
    #expect(
      try train(output, ["--set", "training.initial_weights.path=nowhere.safetensors"]).exitStatus == 2)
    #expect(try FileManager.default.contentsOfDirectory(atPath: output) == ["notes.txt"])
    let corrected = try train(output, ["--resume", first, "--set", "training.steps=30"])
    #expect(corrected.exitStatus == 0 && corrected.resumed?.step == 20, "\(corrected)")
    // As if it had been killed before it had anything of its own.
    let weights = try RunRecord(output).weights
    for name in ["summary.json", "model.safetensors", "metrics.jsonl"] {
      try FileManager.default.removeItem(atPath: "\(output)/\(name)")
    }
    // The newest checkpoint of the first run is broken meanwhile.
    let broken = "\(first)/checkpoints/step-00000020/manifest.json"
    try Data().write(to: URL(fileURLWithPath: broken))
    let older = try train(directory.path + "/older", ["--resume", first, "--set", "training.steps=30"])
    #expect(older.exitStatus == 0 && older.resumed?.step == 10, "\(older)")
    #expect(
      older.warnings.count == 1 && older.warnings.first?.hasPrefix(broken) == true
        && older.warnings.first?.hasSuffix("; falling back to step-00000010") == true, "\(older)")
    let again = try train(output, ["--set", "training.steps=30"])
    #expect(again.exitStatus == 0 && again.resumed?.step == 10, "\(again)")
    let found = try RunRecord(output).weights
    #expect(weights != nil && found == weights, "\(again)")
  }

  /// There is room for the name of the run, and none for its configuration.
  @Test(.enabled(if: CheckpointFaultTests.canMount)) func aStartWithoutRoomLeavesNothing() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let script =
      "mkdir -p $0 && mount -t tmpfs -o size=4k tmpfs $0 && \"$@\"; status=$?; echo left: $(ls -A $0); exit $status"
    let job = try Job.run(
      ranks: 1, program: "unshare",
      arguments: [
        "-m", "sh", "-c", script, directory.path + "/run", try rondo(), "train", config, "--threads", "1",
        "--output", directory.path + "/run",
      ])
    #expect(job.exitStatus == 2 && job.errors.count == 1, "\(job)")
    #expect(job.errors.first?.contains("No space left on device); choose another --output") == true, "\(job)")
    #expect(job.output.contains("left:\n"), "\(job)")
  }

  @Test func aSummaryThatIsNoneIsNamed() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let arguments = ["train", config, "--threads", "1", "--output", directory.path + "/run"]
    let first = try Job.run(ranks: 2, program: try rondo(), arguments: arguments)
    #expect(first.exitStatus == 0, "\(first)")
    let summary = try directory.write("run/summary.json", "{\"name\": \"another\"}")
    let refused = try Job.run(ranks: 2, program: try rondo(), arguments: arguments)
    #expect(refused.exitStatus == 2, "\(refused)")
    #expect(
      refused.errors == ["\(summary): is no summary of a run; remove it, and the same command goes on"],
      "\(refused)")
  }

  @Test func aFinishedRunWithoutACheckpointSaysHowToTakeItsWeights() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let run = directory.path + "/run"
    let arguments = ["train", config, "--threads", "1"]
    #expect(
      try Job.run(ranks: 1, program: try rondo(), arguments: arguments + ["--output", run]).exitStatus == 0)
    let refused = try Job.run(
      ranks: 1, program: try rondo(), arguments: arguments + ["--resume", run, "--output", run + "2"])
    #expect(
      refused.exitStatus == 2
        && refused.errors.first?.hasSuffix(
          "for its weights alone set training.initial_weights.path to \(run)/model.safetensors") == true,
      "\(refused)")
  }

  /// As a shell makes a pipe of a command's output: `rondo inspect <(sed s/16/20/ c.yaml)`.
  @Test func aConfigurationMayComeThroughAPipe() throws {
    let directory = try TemporaryDirectory()
    let found = try bash(#""$0" inspect <(sed s/16/20/ "$1") --json"#, try directory.write("c.yaml", digits))
    #expect(found.contains("\"parameter_count\":1510"))
  }
}
