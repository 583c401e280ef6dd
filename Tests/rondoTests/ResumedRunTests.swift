import Foundation
import MPITestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// What is refused, what is taken, and what is left alone when a run is taken up.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct ResumedRunTests {
  private static func killed(_ run: DisturbedRun, _ arguments: [String] = [], lines: Int) throws -> Job {
    try run.train(
      ranks: 2, arguments, environment: ["OMPI_MCA_odls_base_sigkill_timeout": "0"], lines: lines
    ) { processes in for process in processes { kill(process, SIGKILL) } }
  }

  private static func expectRefusal(
    _ job: Job, _ parts: [String], location: SourceLocation = #_sourceLocation
  ) {
    #expect(job.exitStatus == 2 && job.errors.count == 1, "\(job)", sourceLocation: location)
    for part in parts {
      #expect(job.errors.first?.contains(part) == true, "\(part): \(job)", sourceLocation: location)
    }
  }

  /// The memory of a run is most of what there is: its next life finds it there, and needs no more. What another run has left can stay.
  @Test(.enabled(if: CheckpointFaultTests.canMount)) func memoryThatTheRunHasAlreadyCountsAsRoom() throws {
    let directory = try TemporaryDirectory()
    _ = try directory.write(
      "c.yaml",
      digitsConfiguration(
        hidden: [1000, 1000],
        training: [
          "steps: 40", "log_every_steps: 1", "evaluate_every_epochs: 0", "optimizer: { kind: adamw }",
        ])
        + "communication: { algorithm: shared }\n")
    // 22 MB, and up to 8 of MPI's own.
    let script = #"""
      exec unshare -m bash -c '
        mount -t tmpfs -o size=38m tmpfs /dev/shm || exit
        command=(mpirun -n 2 --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 --mca odls_base_sigkill_timeout 0
          "$0" train "$1/c.yaml" --threads 1 --output "$1/run")
        "${command[@]}" > "$1/first" 2>&1 & process=$!
        until [ "$(wc -l < "$1/run/metrics.jsonl")" -ge 3 ]; do sleep 0.01; done 2> /dev/null
        kill -KILL $(cat /proc/$process/task/$process/children) && wait "$process"
        head -c 3000000 /dev/zero > /dev/shm/rondo-123-4
        "${command[@]}"; echo "status $?, $(ls /dev/shm | grep -c rondo-123-4)"
      ' "$0" "$1"
      """#
    let output = try bash(script, directory.path)
    #expect(output.hasSuffix("status 0, 1\n") && output.contains(", which was in memory"), "\(output)")
    #expect(output.contains("allreduce shared"), "\(output)")
  }

  /// A file that was cut off makes the run shorter than it has come: that is refused, and costs nothing once the file is whole again.
  @Test func memoryOfARunOutlivesAStartWithTooFewData() throws {
    let (run, directory) = (try DisturbedRun(), try TemporaryDirectory())
    let rows = (0..<2400).map { "\($0 % 17),\($0 % 5),\($0 % 2)\n" }
    let data = try directory.write("data.csv", "a,b,y\n" + rows.joined())
    let arguments = ["data.path=\(data)", "data.label=y", "data.test_fraction=0", "training.epochs=200"]
      .flatMap {
        ["--set", $0]
      }
    let killed = try Self.killed(run, arguments, lines: 250)
    #expect(killed.exitStatus != 0, "\(killed)")
    _ = try directory.write("data.csv", "a,b,y\n" + rows.prefix(240).joined())
    Self.expectRefusal(
      try run.train(ranks: 2, arguments), ["this run ends after step 200, and what it begins with"])
    _ = try directory.write("data.csv", "a,b,y\n" + rows.joined())
    let ended = try run.train(ranks: 2, arguments)
    #expect(ended.exitStatus == 0 && ended.resumed?.place == ", which was in memory", "\(ended)")
  }

  @Test func theStateOfARunIsTakenForTheSameRunOrForANewOne() throws {
    let (run, other) = (try DisturbedRun(), try DisturbedRun())
    let stopped = try run.train(ranks: 2, lines: 40) { kill($0[0], SIGTERM) }
    #expect(stopped.exitStatus == 75, "\(stopped)")
    let (step, lines) = (try run.lastStep(), RunRecord.lines(run.output))

    Self.expectRefusal(try run.train(ranks: 2, ["--resume", "never"]), [run.output, "holds a run already"])
    Self.expectRefusal(
      try run.train(ranks: 1, ["--set", "training.optimizer.learning_rate=0.1"]),
      [run.output, "training.optimizer.learning_rate", "0.003", "0.1"])
    #expect(try run.record().restarts == 0)

    // Another directory begins with that state, and leaves the first run as it was. Killed, the same command goes on there.
    let killed = try Self.killed(other, ["--resume", run.output], lines: 20)
    #expect(killed.resumed?.step == step, "\(killed)")
    let begun = try other.train(ranks: 1, ["--resume", run.output])
    #expect(begun.exitStatus == 0 && begun.resumed?.place == ", which was in memory", "\(begun)")
    let (copy, undisturbed) = (try other.record(), try DisturbedRun.undisturbed())
    #expect(copy.weights == undisturbed.weights && copy.integer("restarts") == 1, "\(begun)")
    let ended = try other.train(ranks: 1, ["--resume", run.output])
    #expect(
      ended.exitStatus == 0 && ended.output.contains("\(other.output): this run is finished"), "\(ended)")
    #expect(copy.steps == undisturbed.steps.filter { $0.step > step }, "\(begun)")
    #expect(RunRecord.lines(run.output) == lines)

    // Another optimizer begins without the state, and says so.
    let third = try DisturbedRun()
    let changed = try third.train(
      ranks: 2, ["--resume", run.output, "--set", "training.optimizer.kind=sgd"])
    #expect(
      changed.exitStatus == 0 && changed.resumed?.step == step
        && changed.warnings == [
          "\(run.checkpoints)/\(CheckpointFolder.name(step)): its optimizer's state (adamw, 2 numbers a parameter) is left behind: sgd keeps 0, "
            + "and begins with none, as at a first step"
        ], "\(changed)")

    // The checkpoint itself is as good; a directory that holds a run is not for a new one.
    let folder = "\(run.checkpoints)/\(CheckpointFolder.name(step))"
    Self.expectRefusal(
      try other.train(ranks: 1, ["--resume", folder]), [other.output, "holds a run already"])

    let last = try run.train(ranks: 2)
    try run.record().expectSameCourse(as: undisturbed, "\(last)")
    let again = try run.train(ranks: 2)
    #expect(again.exitStatus == 0 && again.output.contains("\(run.output): this run is finished"), "\(again)")
    #expect(try run.record().integer("restarts") == 1)
  }

  @Test(arguments: ["truncated", "flipped", "missing"]) func aDamagedCheckpointIsPassedOver(how: String)
    throws
  {
    let run = try DisturbedRun()
    let settings = ["--set", "checkpoint.survive=false", "--set", "checkpoint.every_steps=20"]
    let killed = try Self.killed(run, settings, lines: 90)
    let names = try run.record().checkpoints
    let newest = try #require(names.last, "\(killed)")
    #expect(names.count >= 2, "\(killed)")
    let file = "\(run.checkpoints)/\(newest)/model.safetensors"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    switch how {
    case "truncated": try bytes.dropLast(1).write(to: URL(fileURLWithPath: file))
    case "flipped":
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: URL(fileURLWithPath: file))
    default: try FileManager.default.removeItem(atPath: file)
    }
    let job = try run.train(ranks: 2, settings)
    #expect(job.exitStatus == 0 && job.resumed?.place == ", from its checkpoint", "\(job)")
    #expect(CheckpointFolder.name(job.resumed?.step ?? 0) == names[names.count - 2], "\(job)")
    let said = job.warnings.filter {
      $0.contains(newest) && $0.contains("falling back to \(names[names.count - 2])")
    }
    #expect(said.count == 1 && said[0].contains("model.safetensors"), "\(job)")
    try run.record().expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
  }

  /// Memory is a run's own; what dead runs have left is removed when it is old.
  @Test func theMemoryOfOtherRunsIsNotTaken() throws {
    let (run, other) = (try DisturbedRun(), try DisturbedRun())
    let killed = try Self.killed(run, lines: 40)
    let memory = try #require(try run.record().memory.first, "\(killed)")
    // Two more, of runs that were last seen 10 minutes and 2 hours ago.
    let (fresh, old) = (Self.name(), Self.name())
    for (name, age) in [(fresh, 600), (old, 7200)] {
      var bytes = try Data(contentsOf: URL(fileURLWithPath: "/dev/shm/\(memory)"))
      let seen = Int64(time(nil) - age)
      withUnsafeBytes(of: seen.littleEndian) { bytes.replaceSubrange(56..<64, with: $0) }
      // They do not say where their runs are.
      bytes.resetBytes(in: 1024..<4096)
      try bytes.write(to: URL(fileURLWithPath: "/dev/shm/\(name)"))
      try FileManager.default.setAttributes(
        [.modificationDate: Date().addingTimeInterval(-Double(age))], ofItemAtPath: "/dev/shm/\(name)")
    }
    defer { for name in [fresh, old] { unlink("/dev/shm/\(name)") } }

    let job = try other.train(ranks: 2)
    #expect(job.exitStatus == 0 && job.resumed == nil, "\(job)")
    try other.record().expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
    #expect(FileManager.default.fileExists(atPath: "/dev/shm/\(fresh)"))
    #expect(!FileManager.default.fileExists(atPath: "/dev/shm/\(old)"))
    #expect(try run.record().memory == [memory])

    let resumed = try run.train(ranks: 2)
    #expect(resumed.resumed?.place == ", which was in memory", "\(resumed)")
    try run.record().expectSameCourse(as: try DisturbedRun.undisturbed(), "\(resumed)")
  }

  /// Nobody can go on with a run whose directory is gone: the next run on this host frees its memory.
  @Test func theMemoryOfARunWhoseDirectoryIsGoneIsFreed() throws {
    let (removed, replaced, kept, other) = (
      try DisturbedRun(), try DisturbedRun(), try DisturbedRun(), try DisturbedRun()
    )
    var memory: [String] = []
    for run in [removed, replaced, kept] {
      let killed = try Self.killed(run, lines: 40)
      memory += [try #require(try run.record().memory.first, "\(killed)")]
    }
    try FileManager.default.removeItem(atPath: removed.output)
    try FileManager.default.removeItem(atPath: replaced.output)
    // Another run in the same place.
    _ = try Self.killed(replaced, lines: 40)
    let job = try other.train(ranks: 1)
    #expect(job.exitStatus == 0, "\(job)")
    let isThere = memory.map { FileManager.default.fileExists(atPath: "/dev/shm/\($0)") }
    #expect(isThere == [false, false, true], "\(job)")
    for run in [replaced, kept] { #expect(try run.record().memory.count == 1, "\(job)") }
  }

  private static func name() -> String { "rondo-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))-1" }
}
