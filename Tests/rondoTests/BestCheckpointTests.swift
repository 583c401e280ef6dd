import Foundation
import MPITestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A run that is killed between an evaluation that is the best so far and the checkpoint of its weights.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct BestCheckpointTests {
  /// Weights that nothing changes: the first evaluation stays the best one.
  private static let configuration = digitsConfiguration(
    hidden: [400, 300],
    training: ["epochs: 4", "evaluate_every_epochs: 1", "optimizer: { kind: adamw, learning_rate: 1e-30 }"],
    checkpoint: ["best: loss", "keep: 1"])

  private static func train(_ config: String, _ output: String, isKilled: Bool) throws -> Job {
    let isOver = DisturbedRun.Latch()
    let ended = DispatchSemaphore(value: 0)
    Thread {
      defer { ended.signal() }
      while isKilled, !isOver.isSet {
        if RunRecord.lines(output).contains(where: { $0.contains("\"evaluation\"") }) {
          for rank in 0..<2 {
            if let process = RankProcess.find(rank: rank, output: output) { kill(process, SIGKILL) }
          }
          return
        }
        usleep(200)
      }
    }.start()
    let job = try Job.run(
      ranks: 2, program: try rondo(), arguments: ["train", config, "--threads", "1", "--output", output],
      environment: ["OMPI_MCA_odls_base_sigkill_timeout": "0"])
    isOver.set()
    ended.wait()
    return job
  }

  @Test func itIsWrittenWhenTheRunGoesOn() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", Self.configuration)
    let folders = [CheckpointFolder.name(6)]
    var hits = 0
    for life in 1...12 where hits == 0 {
      let output = "\(directory.path)/run-\(life)"
      let killed = try Self.train(config, output, isKilled: true)
      let record = try RunRecord(output)
      guard killed.exitStatus != 0, record.evaluations.count == 1 else { continue }
      if record.checkpoints.isEmpty { hits += 1 }
      let job = try Self.train(config, output, isKilled: false)
      #expect(job.exitStatus == 0 && job.resumed?.step == 6, "\(job)")
      let ended = try RunRecord(output)
      #expect(ended.checkpoints == folders && ended.evaluations.map(\.step) == [6, 12, 18, 24], "\(job)")
    }
    #expect(hits > 0, "no kill came between the evaluation and its checkpoint")
  }
}
