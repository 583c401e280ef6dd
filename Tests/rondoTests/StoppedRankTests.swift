import Foundation
import MPITestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A rank that is stopped in the middle of training, as by a debugger or a machine that swaps.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct StoppedRankTests {
  /// Runs a job of which one rank is stopped when it trains, and goes on after `pause` seconds, if any.
  private static func run(
    rank: Int, steps: Int, pause: Double?, settings: [String]
  ) throws -> (job: Job, isStopped: Bool, output: TemporaryDirectory) {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let output = directory.path + "/run"
    let isStopped = DisturbedRun.Latch()
    let stopper = Thread {
      guard let process = RankProcess.whenTraining(rank: rank, output: output) else { return }
      isStopped.set()
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
    return (job, isStopped.isSet, directory)
  }

  @Test(arguments: ["ring", "mpi", "auto"], [0, 1])
  func theOthersNameItAndTheJobEnds(algorithm: String, rank: Int) throws {
    let (job, isStopped, _) = try Self.run(
      rank: rank, steps: 100_000_000, pause: nil,
      settings: [
        "training.reproducible=false", "communication.algorithm=\(algorithm)",
        "communication.warn_after_seconds=2",
        "communication.abort_after_seconds=6",
      ])
    try #require(isStopped, "no rank was found to stop: \(job)")
    #expect(job.exitStatus == 1, "\(job)")
    let lines = job.output.split(separator: "\n").filter { $0.contains(": no progress for ") }
    for other in 0..<3 where other != rank {
      let start = "rondo: warning: rank \(other): no progress for 2 s in the "
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
    #expect(lines.count <= 2 * (2 * 3 + 2), "one line in a second and thread at most: \(job)")
  }

  @Test(arguments: ["ring", "auto"]) func aRankThatGoesOnInTimeDoesNoHarm(algorithm: String) throws {
    let (job, isStopped, directory) = try Self.run(
      rank: 2, steps: 400, pause: 5,
      settings: [
        "training.reproducible=false", "communication.algorithm=\(algorithm)",
        "communication.warn_after_seconds=2",
        "communication.abort_after_seconds=60",
      ])
    #expect(isStopped && job.exitStatus == 0, "\(job)")
    #expect(FileManager.default.fileExists(atPath: directory.path + "/run/summary.json"), "\(job)")
    // The stopped rank itself does not take the time for one without progress.
    #expect(!job.output.contains("rank 2: no progress"), "\(job)")
    #expect(job.output.contains("rank 0: no progress for 2 s"), "\(job)")
  }

  @Test func aWatchThatIsSwitchedOffSaysNothing() throws {
    let (job, isStopped, _) = try Self.run(
      rank: 1, steps: 400, pause: 3,
      settings: ["communication.warn_after_seconds=0", "communication.abort_after_seconds=0"])
    #expect(isStopped && job.exitStatus == 0 && !job.output.contains("no progress"), "\(job)")
  }
}
