import Foundation
import MPITestSupport
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A rank that dies in the middle of training.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct KilledRankTests {
  @Test(arguments: [0, 2]) func theJobEndsSoonAndNamesTheRank(rank: Int) throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let output = directory.path + "/run"
    let killed = Mutex<Date?>(nil)
    let killer = Thread {
      if let process = RankProcess.whenTraining(rank: rank, output: output) {
        killed.withLock { $0 = Date() }
        kill(process, SIGKILL)
      }
    }
    killer.start()
    let job = try Job.run(
      ranks: 3, program: try rondo(),
      arguments: [
        "train", config, "--threads", "1", "--output", output, "--set", "training.steps=100000000",
      ])
    let end = Date()
    let death = try #require(killed.withLock { $0 }, "no rank was found to kill: \(job)")
    #expect(end.timeIntervalSince(death) < 40, "\(job)")
    #expect(job.exitStatus != 0, "\(job)")
    #expect(job.output.contains("rank \(rank)") && job.output.contains("signal 9"), "\(job)")
  }
}
