import Foundation
import MPI
import MPITestSupport
import Testing

/// What a test process does not survive runs in jobs of their own: this bundle again, under mpirun, with one
/// of the `ChildTests` enabled.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct JobTests {
  @Test func aRankThatThrowsEndsTheJobWithItsNameOnIt() throws {
    let job = try Job.runChild("throwsOnOneRank", ranks: 3)
    #expect(job.exitStatus == 1, "\(job)")
    #expect(job.output.contains("<stderr>:rank 1: the disk is full\n"), "\(job)")
  }

  @Test func anErrorDecidesTheExitStatusOfItsJob() throws {
    let job = try Job.runChild("throwsWithAnExitStatus", ranks: 2)
    #expect(job.exitStatus == 75, "\(job)")
    #expect(job.output.contains("rank 0: stopped on a signal\n"), "\(job)")
  }

  @Test func anMPIErrorThatLeavesTheBodyNamesItsRankOnce() throws {
    let job = try Job.runChild("passesAWrongRank", ranks: 2)
    #expect(job.exitStatus == 1, "\(job)")
    #expect(
      job.output.contains(
        "<stderr>:rank 1: send: rank 9 is outside 0..<2, the ranks of this communicator\n"), "\(job)")
  }

  @Test func aRankThatIsKilledEndsTheJob() throws {
    let job = try Job.runChild("isKilled", ranks: 3)
    #expect(job.exitStatus != 0 && !job.ranOutOfTime, "\(job)")
  }

  /// Nobody answers an `MPI_Abort` then.
  @Test func aRankThatThrowsEndsWhenItsLauncherIsStopped() throws {
    let job = try Job.runChild("throwsWithAStoppedLauncher", ranks: 2)
    #expect(job.exitStatus == 1, "\(job)")
    #expect(job.output.contains("rank 0: the disk is full\n"), "\(job)")
    #expect(job.output.contains("MPI_Abort has not ended this process in 5 s"), "\(job)")
    #expect(job.output.contains("rank 0 has ended\n"), "\(job)")
  }

  @Test func aRequestThatIsDroppedAndNeverAnsweredEndsTheJobWithItsName() throws {
    let job = try Job.runChild("dropsAReceive", ranks: 2)
    #expect(job.exitStatus == 1, "\(job)")
    #expect(job.output.contains("rank 0: startReceive: its request was dropped without wait()"), "\(job)")
  }

  @Test func anErrorInsideASharedWindowIsNotKeptByTheWindow() throws {
    let job = try Job.runChild("throwsInsideAWindow", ranks: 2)
    #expect(job.exitStatus == 1, "\(job)")
    #expect(job.output.contains("rank 0: the disk is full\n"), "\(job)")
  }

  @Test(arguments: [1, 3])
  func aBodyThatReturnsHandsItsResultOut(ranks: Int) throws {
    let job = try Job.runChild("returnsAndRunsAgain", ranks: ranks)
    #expect(job.exitStatus == 0, "\(job)")
    for rank in 0..<ranks { #expect(job.output.contains("result \(rank)\n"), "\(job)") }
    #expect(job.output.contains("MPI has already been started and ended in this process"), "\(job)")
  }

  @Test func aFailedTestOnOneRankDoesNotLeaveTheOthersWaiting() throws {
    let job = try Job.runChild("throwsInWithWorld", ranks: 3)
    #expect(job.exitStatus == 1, "\(job)")
    #expect(job.output.contains("rank 2: throwsInWithWorld()"), "\(job)")
  }

  @Test func ranksInDifferentTestsAreToldApart() throws {
    let job = try Job.runChild("isInAnotherTestOnOneRank", ranks: 2)
    #expect(job.exitStatus == 1, "\(job)")
    #expect(job.output.contains("not all ranks are in the same test"), "\(job)")
  }

  @Test func aTestThatHangsIsEndedAndNamed() throws {
    let job = try Job.runChild("hangs", ranks: 2)
    #expect(job.exitStatus == 1, "\(job)")
    #expect(job.output.contains("still running after 1 s, ended"), "\(job)")
  }
}

/// The bodies of the jobs. Each runs only where `JobTests` asks for it.
@Suite(.enabled(if: Job.childName != nil)) struct ChildTests {
  struct DiskFull: Error, CustomStringConvertible {
    var description: String { "the disk is full" }
  }

  struct Stopped: ExitStatusError, CustomStringConvertible {
    var exitStatus: Int32 { 75 }
    var description: String { "stopped on a signal" }
  }

  @Test(.child) func throwsOnOneRank() throws {
    try MPI.run { world in
      if world.rank == 1 { throw DiskFull() }
      try world.barrier()
    }
  }

  @Test(.child) func throwsWithAnExitStatus() throws {
    try MPI.run { world in
      if world.rank == 0 { throw Stopped() }
      try world.barrier()
    }
  }

  @Test(.child) func passesAWrongRank() throws {
    try MPI.run { world in
      if world.rank == 1 { try world.send([1].span, to: 9) }
      try world.barrier()
    }
  }

  @Test(.child) func isKilled() throws {
    try MPI.run { world in
      if world.rank == 1 { kill(getpid(), SIGKILL) }
      try world.barrier()
    }
  }

  @Test(.child) func throwsWithAStoppedLauncher() throws {
    try MPI.run { world in
      let process = try world.broadcast(Int(getpid()), root: 0)
      if world.rank == 0 {
        // A rank asks its launcher for the other's address when it first talks to it: rank 1 would wait, and not wake the launcher.
        _ = try world.matchedProbe(from: 1).receive(Int32.self)
        kill(getppid(), SIGSTOP)
        throw DiskFull()
      }
      try world.send([Int32(1)].span, to: 0)
      // Its parent cannot take note of its end.
      let limit = Date().addingTimeInterval(60)
      while Date() < limit {
        let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        if status.contains(") Z ") {
          print("rank 0 has ended")
          break
        }
        usleep(10_000)
      }
      fflush(nil)
      kill(getppid(), SIGCONT)
      try world.barrier()
    }
  }

  @Test(.child) func dropsAReceive() throws {
    try MPI.run { world in
      if world.rank == 0 {
        _ = try world.startReceive(into: OwnedBuffer<Int32>(repeating: 0, count: 1), from: 1)
      }
      try world.barrier()
    }
  }

  @Test(.child) func throwsInsideAWindow() throws {
    try MPI.run { world in
      try world.splitByHost().withSharedWindow(of: Float.self, count: 8) { window in
        if world.rank == 0 { throw DiskFull() }
        try window.fence()
      }
    }
  }

  @Test(.child) func returnsAndRunsAgain() throws {
    let result = try MPI.run(threadLevel: .funneled) { world in world.rank }
    print("result \(result)")
    fflush(nil)
    do { try MPI.run { _ in } } catch { print(error.description) }
  }

  @Test(.child) func throwsInWithWorld() throws {
    try withWorld { world in
      if world.rank == 2 { throw DiskFull() }
      try world.barrier()
    }
  }

  @Test(.child) func isInAnotherTestOnOneRank() throws {
    let isFirst = ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_RANK"] == "0"
    if isFirst {
      try withWorld { try $0.barrier() }
    } else {
      try withWorld { try $0.barrier() }
    }
  }

  @Test(.child) func hangs() throws {
    try withWorld(seconds: 1) { world in
      if world.rank == 1 { Thread.sleep(forTimeInterval: 20) }
      try world.barrier()
    }
  }
}

extension Job {
  fileprivate static let childVariable = "RONDO_TEST_CHILD"
  fileprivate static var childName: String? { ProcessInfo.processInfo.environment[childVariable] }

  fileprivate static func runChild(_ name: String, ranks: Int) throws -> Job {
    try runTest("ChildTests/\(name)", ranks: ranks, environment: [childVariable: name])
  }
}

extension Trait where Self == ConditionTrait {
  /// Runs only in a job that asked for a child; which one, its filter says.
  fileprivate static var child: Self { .enabled(if: Job.childName != nil) }
}
