import BLAS
import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Training

/// Ranks that do something else than the others: in jobs of their own, as these end the process.
///
/// Each test that a job runs is enabled by its variable only.
@Suite(.serialized) struct LostStepTests {
  private static let variable = "RONDO_TEST_LOST_STEP"
  private static let scene = ProcessInfo.processInfo.environment[variable]

  private static func configuration(
    _ scene: String, rank: Int, check: Bool
  ) -> Configuration {
    Configuration(
      name: "test", model: .init(kind: .mlp, hidden: [50, 30]), data: .init(source: .digits),
      training: .init(batch: 240, microbatch: 20, steps: 100_000, reproducible: false),
      communication: .init(
        algorithm: scene.hasPrefix("shared") ? .auto : .ring,
        bucketBytes: scene == "buckets" && rank == 1 ? 8192 : 4096,
        overlap: !scene.contains("without overlap"), check: check, warnAfterSeconds: 1, abortAfterSeconds: 3))
  }

  @Test(.enabled(if: scene != nil)) func aJobWithOneRankThatDiffers() throws {
    let scene = try #require(Self.scene)
    _ = try MPI.run { world in
      let configuration = Self.configuration(scene, rank: world.rank, check: !scene.contains("sleep"))
      let data = try configuration.loadData()
      // As a trainer is made behind the comparison of configurations, which would find other buckets before.
      let trainer = try Trainer(
        configuration, data: data, network: try Trainer.network(configuration, data: data),
        pool: ThreadPool(threads: 1),
        instruments: Instruments(configuration.communication, world: world), ownsInstruments: true,
        world: world)
      while trainer.step < trainer.totalSteps {
        try trainer.trainStep()
        guard trainer.step == 5, world.rank == 1 else { continue }
        if scene.contains("sleep") { Thread.sleep(forTimeInterval: 300) }
        if scene.contains("loss") {
          try trainer.collective(.loss) { () throws(MPIError) in _ = try world.allreduce(1.0, .sum) }
        }
      }
    }
  }

  private func job(_ scene: String, ranks: Int = 4) throws -> Job {
    try Job.runTest("aJobWithOneRankThatDiffers", ranks: ranks, environment: [Self.variable: scene])
  }

  @Test(.enabled(if: !isUnderLauncher), arguments: ["sleep", "shared sleep"])
  func aRankThatSleepsBetweenStepsIsNamed(scene: String) throws {
    let job = try job(scene)
    #expect(job.exitStatus == 1, "\(job)")
    let lines = job.output.split(separator: "\n").filter { $0.contains(": no progress for ") }
    let place =
      scene == "sleep"
      ? ["in the sum of bucket ", "of step 6 ("] : ["in the exchange after backward of step 6 "]
    #expect(lines.contains { line in place.allSatisfy { line.contains($0) } }, "\(job)")
    #expect(lines.contains { $0.hasSuffix("; the job ends") }, "\(job)")
    for line in lines {
      #expect(
        line.contains("waits for rank 1 (")
          && line.contains("which has not come to it and is outside of its steps, after step 5, for "),
        "\(job)")
    }
  }

  @Test(.enabled(if: !isUnderLauncher), arguments: [2, 4])
  func bucketsOfAnotherSizeAreFoundBeforeTheFirstSum(ranks: Int) throws {
    let job = try job("buckets", ranks: ranks)
    #expect(job.exitStatus == 1, "\(job)")
    let lines = job.output.split(separator: "\n").filter { $0.contains("the ranks' collectives differ") }
    #expect(lines.count == 1, "\(job)")
    let line = lines.first ?? ""
    #expect(line.contains("rank 1 is at the sum of bucket 1 of step 1 ("), "\(job)")
    let rest = ranks == 2 ? "none has a majority" : "the other 3 are at the sum of bucket 1"
    #expect(line.contains(rest), "\(job)")
  }

  /// The thread that calls the sums is the one that calls the extra collective, so that the check sees one instead of the other.
  @Test(.enabled(if: !isUnderLauncher), arguments: ["loss, without overlap", "shared, loss"])
  func aCollectiveTooManyIsNamed(scene: String) throws {
    let job = try job(scene)
    #expect(job.exitStatus == 1, "\(job)")
    let verdict =
      "the ranks' collectives differ: rank 1 is at the mean loss of step 5; the other 3 are at the exchange after backward of step 6"
    #expect(job.output.contains(verdict), "\(job)")
  }
}
