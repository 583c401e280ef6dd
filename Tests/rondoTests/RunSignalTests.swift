import Foundation
import MPITestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Signals to a run, under mpirun and without it.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct RunSignalTests {
  @Test func aCheckpointThatIsAskedForIsWrittenAndTheRunGoesOn() throws {
    let run = try DisturbedRun()
    let job = try run.train(ranks: 2, lines: 40) { processes in
      // mpirun hands it on to all ranks.
      if let launcher = RankProcess.parent(of: processes[0]) { kill(launcher, SIGUSR1) }
    }
    #expect(job.exitStatus == 0, "\(job)")
    let record = try run.record()
    record.expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
    #expect(record.checkpoints.count == 1 && record.integer("restarts") == 0, "\(job)")
    let step = try #require(record.checkpoints.first?.split(separator: "-").last.flatMap { Int($0) })
    #expect(step >= 40 && step < DisturbedRun.stepCount, "\(job)")
  }

  /// As a network may hand it on.
  @Test func ranksThatSeeASignalInDifferentStepsWriteOneCheckpoint() throws {
    let run = try DisturbedRun()
    let job = try run.train(ranks: 3, ["--set", "checkpoint.keep=9"], lines: 40) {
      [output = run.output] processes in
      for process in processes {
        kill(process, SIGUSR1)
        let lines = RunRecord.lines(output).count
        while RunRecord.lines(output).count < lines + 3, kill(process, 0) == 0 { usleep(500) }
      }
    }
    #expect(job.exitStatus == 0, "\(job)")
    let record = try run.record()
    record.expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)")
    #expect(record.checkpoints.count == 1, "\(job)")
  }

  @Test(arguments: zip([SIGTERM, SIGINT], [1, 0]))
  func aRankThatIsAskedToStopEndsTheJobWithACheckpoint(signal: Int32, rank: Int) throws {
    let run = try DisturbedRun()
    let stopped = try run.train(ranks: 2, lines: 40) { processes in kill(processes[rank], signal) }
    #expect(stopped.exitStatus == 75, "\(stopped)")
    let step = try run.lastStep()
    let record = try run.record()
    #expect(
      stopped.errors == [
        "stopped by a signal after step \(step) of \(DisturbedRun.stepCount), with a checkpoint; to go on: rondo train ... --output \(run.output)"
      ], "\(stopped)")
    #expect(record.checkpoints == [CheckpointFolder.name(step)] && record.memory.isEmpty, "\(stopped)")
    try Self.expectToGoOn(run, after: step, in: ", from its checkpoint")
  }

  /// Open MPI 4.1 asks the ranks to end by SIGTERM, lets them be for some time, and ends with status 1.
  @Test(arguments: [SIGTERM, SIGINT]) func aLauncherThatIsStoppedLosesNoStep(signal: Int32) throws {
    let run = try DisturbedRun()
    let stopped = try run.train(ranks: 2, lines: 40) { processes in
      guard let launcher = RankProcess.parent(of: processes[0]) else { return }
      kill(launcher, signal)
      // It lets stopped ranks go on, and asks all to end a second later: on a fast machine the run would be done by then.
      RankProcess.hold(processes, until: SIGTERM)
    }
    #expect(stopped.exitStatus != 0, "\(stopped)")
    let record = try run.record()
    #expect(!record.checkpoints.isEmpty || !record.memory.isEmpty, "\(stopped)")
    try Self.expectToGoOn(run, after: try run.lastStep(), in: nil)
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aRunWithoutALauncherStopsAsWell(signal: Int32) throws {
    let run = try DisturbedRun()
    let (stopped, status) = try Self.alone(run, signal: signal)
    #expect(status == 75, "\(stopped)")
    let step = try run.lastStep()
    #expect(stopped.contains("stopped by a signal after step \(step) of "), "\(stopped)")
    #expect(try run.record().checkpoints == [CheckpointFolder.name(step)], "\(stopped)")
    // Two ranks go on.
    try Self.expectToGoOn(run, after: step, in: ", from its checkpoint")
  }

  /// A rank that waits for another one can do nothing about the first.
  @Test func aSecondInterruptEndsAProcessAtOnce() throws {
    let run = try DisturbedRun()
    let stopped = try run.train(
      ranks: 2, environment: ["OMPI_MCA_odls_base_sigkill_timeout": "0"], lines: 40
    ) { processes in
      kill(processes[1], SIGSTOP)
      kill(processes[0], SIGINT)
      // While the first is pending, a second is none.
      RankProcess.whenTaken(SIGINT, by: processes[0])
      kill(processes[0], SIGINT)
    }
    #expect(stopped.exitStatus == 128 + SIGINT, "\(stopped)")
    #expect(stopped.output.contains("signal 2 (Interrupt)"), "\(stopped)")
    #expect(try run.record().checkpoints.isEmpty)
    try Self.expectToGoOn(run, after: try run.lastStep(), in: ", which was in memory")
  }

  /// The same command again: no step is lost, and none is done twice.
  ///
  /// - Parameter place: where the state must have been, if it is certain.
  private static func expectToGoOn(
    _ run: DisturbedRun, after step: Int, in place: String?, location: SourceLocation = #_sourceLocation
  ) throws {
    let job = try run.train(ranks: 2)
    #expect(job.exitStatus == 0, "\(job)", sourceLocation: location)
    let resumed = try #require(job.resumed, "\(job)", sourceLocation: location)
    // In memory a step may be done whose line is not written yet.
    #expect(step...step + 1 ~= resumed.step, "\(step): \(job)", sourceLocation: location)
    if let place { #expect(resumed.place == place, "\(job)", sourceLocation: location) }
    let record = try run.record()
    record.expectSameCourse(as: try DisturbedRun.undisturbed(), "\(job)", location: location)
    #expect(record.integer("restarts") == 1, "\(job)", sourceLocation: location)
  }

  /// Runs without mpirun, and sends a signal in the middle.
  private static func alone(_ run: DisturbedRun, signal: Int32) throws -> (output: String, status: Int32) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "timeout", "--kill-after=5", "120", try rondo(), "train", run.config, "--threads", "1", "--output",
      run.output,
    ]
    process.environment = ProcessInfo.processInfo.environment.filter { name, _ in
      !["OMPI_", "PMIX_", "ORTE_", "OPAL_"].contains { name.hasPrefix($0) }
    }
    let output = run.output
    let ended = DispatchSemaphore(value: 0)
    Thread {
      defer { ended.signal() }
      let limit = Date().addingTimeInterval(100)
      var rank: pid_t?
      while rank == nil, Date() < limit { rank = RankProcess.find(rank: nil, output: output) }
      while RunRecord.lines(output).count < 40, Date() < limit { usleep(500) }
      if let rank { kill(rank, signal) }
    }.start()
    let text = try MPITestSupport.output(of: process)
    ended.wait()
    return (text, process.terminationStatus)
  }
}

/// Where a run's checkpoints are.
enum CheckpointFolder {
  static func name(_ step: Int) -> String {
    "step-" + String(repeating: "0", count: max(0, 8 - "\(step)".count)) + "\(step)"
  }
}
