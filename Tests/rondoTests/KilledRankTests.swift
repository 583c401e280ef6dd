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
      let limit = Date().addingTimeInterval(20)
      while Date() < limit {
        // The run has begun to train when it has logged steps.
        let metrics = (try? String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8)) ?? ""
        if metrics.contains("\n"), let process = Self.process(ofRank: rank, output: output) {
          killed.withLock { $0 = Date() }
          kill(process, SIGKILL)
          return
        }
        usleep(20_000)
      }
    }
    killer.start()
    let job = try Job.run(
      ranks: 3, program: try rondo(),
      arguments: [
        "train", config, "--threads", "1", "--output", output, "--set", "training.steps=100000000",
      ], limit: 40)
    let end = Date()
    let death = try #require(killed.withLock { $0 }, "no rank was found to kill: \(job)")
    #expect(end.timeIntervalSince(death) < 10, "\(job)")
    #expect(job.exitStatus != 0, "\(job)")
    #expect(job.output.contains("rank \(rank)") && job.output.contains("signal 9"), "\(job)")
  }

  /// The process of that rank of the job that writes to `output`.
  private static func process(ofRank rank: Int, output: String) -> pid_t? {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.compactMap(pid_t.init).first { process in
      guard let command = FileManager.default.contents(atPath: "/proc/\(process)/cmdline"),
        let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ")
      else { return false }
      let words = command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      let variables = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.first?.hasSuffix("/rondo") == true && words.contains(output)
        && variables.contains("OMPI_COMM_WORLD_RANK=\(rank)")
    }
  }
}
