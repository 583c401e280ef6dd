import Foundation
import MPITestSupport
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A rank that is stopped in the middle of training, as by a debugger or a machine that swaps.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct StoppedRankTests {
  /// Runs a job of which one rank is stopped when it trains, and goes on after `pause` seconds, if any.
  private static func run(
    rank: Int, steps: Int, pause: Double?, settings: [String]
  ) throws -> (job: Job, end: Date, stop: Date?, output: TemporaryDirectory) {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let output = directory.path + "/run"
    let stopped = Mutex<Date?>(nil)
    let stopper = Thread {
      guard let process = RankProcess.whenTraining(rank: rank, output: output) else { return }
      stopped.withLock { $0 = Date() }
      kill(process, SIGSTOP)
      if let pause {
        Thread.sleep(forTimeInterval: pause)
        kill(process, SIGCONT)
      }
    }
    stopper.start()
    let job = try Job.run(
      ranks: 3, program: try rondo(),
      arguments: ["train", config, "--threads", "1", "--output", output, "--set", "training.steps=\(steps)"]
        + settings.flatMap { ["--set", $0] })
    return (job, Date(), stopped.withLock { $0 }, directory)
  }

  @Test(arguments: ["ring", "mpi", "auto"], [0, 1])
  func theOthersNameItAndTheJobEnds(algorithm: String, rank: Int) throws {
    let (job, end, stop, _) = try Self.run(
      rank: rank, steps: 100_000_000, pause: nil,
      settings: [
        "training.reproducible=false", "communication.algorithm=\(algorithm)",
        "communication.warn_after_seconds=1",
        "communication.abort_after_seconds=3",
      ])
    let stopped = try #require(stop, "no rank was found to stop: \(job)")
    // The limit, up to the looks in between, and the time that mpirun gives a process to end.
    #expect(end.timeIntervalSince(stopped) < 40, "\(job)")
    #expect(job.exitStatus == 1, "\(job)")
    let lines = job.output.split(separator: "\n").filter { $0.contains(": no progress for ") }
    for other in 0..<3 where other != rank {
      let start = "rondo: warning: rank \(other): no progress for 1 s in the "
      #expect(lines.contains { $0.contains(start) }, "\(job)")
    }
    #expect(lines.contains { $0.hasSuffix("; the job ends") }, "\(job)")
    // Once a rank has ended the job, those that have not heard of it yet may miss that one too.
    let upToTheEnd = lines.prefix(
      (lines.firstIndex { $0.hasSuffix("; the job ends") } ?? lines.count - 1) + 1)
    #expect(
      upToTheEnd.allSatisfy {
        $0.contains("waits for rank \(rank) (") && $0.contains("gives no sign of life")
      }, "\(job)")
    // By messages two threads of a rank wait: for a bucket and for the verdict.
    #expect(lines.count <= 2 * (2 * 3 + 2), "one line a second and thread at most: \(job)")
  }

  @Test(arguments: ["ring", "auto"]) func aRankThatGoesOnInTimeDoesNoHarm(algorithm: String) throws {
    let (job, _, stop, directory) = try Self.run(
      rank: 2, steps: 400, pause: 3,
      settings: [
        "training.reproducible=false", "communication.algorithm=\(algorithm)",
        "communication.warn_after_seconds=1",
        "communication.abort_after_seconds=30",
      ])
    #expect(stop != nil && job.exitStatus == 0, "\(job)")
    #expect(FileManager.default.fileExists(atPath: directory.path + "/run/summary.json"), "\(job)")
    // The stopped rank itself does not take the time for one without progress.
    #expect(!job.output.contains("rank 2: no progress"), "\(job)")
    #expect(job.output.contains("rank 0: no progress for 1 s"), "\(job)")
  }

  @Test func aWatchThatIsSwitchedOffSaysNothing() throws {
    let (job, _, stop, _) = try Self.run(
      rank: 1, steps: 400, pause: 3,
      settings: ["communication.warn_after_seconds=0", "communication.abort_after_seconds=0"])
    #expect(stop != nil && job.exitStatus == 0 && !job.output.contains("no progress"), "\(job)")
  }
}
