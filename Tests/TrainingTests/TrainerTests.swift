import BLAS
import Datasets
import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Training

/// 240 samples a step in 12 microbatches, dropout on, several buckets.
private func configuration(
  _ algorithm: Configuration.Communication.Algorithm = .ring, overlap: Bool = true, dropout: Double = 0.1,
  steps: Int = 20, reproducible: Bool = false
) -> Configuration {
  Configuration(
    name: "test", seed: 3, model: .init(kind: .mlp, hidden: [50, 30], dropout: dropout),
    data: .init(source: .digits),
    training: .init(
      batch: 240, microbatch: 20, steps: steps, optimizer: .init(kind: .adamw, learningRate: 3e-3),
      reproducible: reproducible || algorithm == .tree),
    communication: .init(algorithm: algorithm, bucketBytes: 4096, overlap: overlap))
}

private func trainer(_ configuration: Configuration, _ world: borrowing Communicator) throws -> Trainer {
  let data = try configuration.loadData()
  return try Trainer(
    configuration, data: data, network: try Trainer.network(configuration, data: data),
    pool: ThreadPool(threads: 1),
    world: world)
}

/// FNV-1a over the bits of all parameters.
private func fingerprint(_ trainer: Trainer) -> Int64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for parameter in trainer.network.graph.parameters {
    for value in trainer.executor.values(of: parameter) {
      hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3
    }
  }
  return Int64(bitPattern: hash)
}

extension RankTests {
  @Suite struct TrainerTests {
    /// PyTorch's `AveragedModel` takes the first weights it is given over, and then fades them.
    @Test(arguments: [Configuration.Communication.Algorithm.auto, .tree])
    func theAverageBeginsWithTheFirstStepAndFades(algorithm: Configuration.Communication.Algorithm) throws {
      try withWorld { world in
        var configuration = configuration(algorithm, reproducible: true)
        configuration.training.emaDecay = 0.8
        let trainer = try trainer(configuration, world)
        defer { trainer.close() }
        var expected: [[Double]] = []
        for step in 0..<6 {
          try trainer.trainStep()
          try world.barrier()
          let average = try #require(try trainer.average())
          for (index, parameter) in trainer.network.graph.parameters.enumerated() {
            let weights = trainer.executor.values(of: parameter).map(Double.init)
            if step == 0 {
              expected.append(weights)
            } else {
              expected[index] = zip(expected[index], weights).map { 0.8 * $0 + 0.2 * $1 }
            }
            let worst = zip(expected[index], average[parameter.range]).map { abs($0 - Double($1)) }.max()
            #expect((worst ?? 1) < 1e-7, "step \(step), \(parameter.name)")
          }
          try world.barrier()
        }
      }
    }

    /// The mean losses of all steps, after checking that all ranks hold the same bits after each.
    private static func losses(
      _ configuration: Configuration, _ world: borrowing Communicator
    ) throws -> [Double] {
      let trainer = try trainer(configuration, world)
      defer { trainer.close() }
      var losses: [Double] = []
      for step in 0..<trainer.totalSteps {
        losses.append(try trainer.trainStep())
        let fingerprints = try world.allgather(fingerprint(trainer))
        #expect(Set(fingerprints).count == 1, "step \(step): ranks differ")
      }
      return losses
    }

    @Test(arguments: [true, false]) func anyNumberOfRanksTrainsLikeOne(overlap: Bool) throws {
      try withWorld { world in
        let alone = try world.split(color: world.rank, key: 0)
        let expected = try Self.losses(configuration(), alone)
        for algorithm in Configuration.Communication.Algorithm.allCases {
          let found = try Self.losses(configuration(algorithm, overlap: overlap), world)
          for (a, b) in zip(expected, found) { #expect(abs(a - b) < 1e-4 * max(1, a)) }
        }
        #expect(expected.count == 20 && expected[19] < 0.7 * expected[0], "it learns: \(expected)")
      }
    }

    /// The promise: any number of ranks, in shared memory, by messages and in both, with and without overlap.
    @Test(arguments: [Configuration.Communication.Algorithm.auto, .tree, .twoLevel], [true, false])
    func theNumberOfRanksDoesNotChangeOneBit(
      algorithm: Configuration.Communication.Algorithm, overlap: Bool
    ) throws {
      try withWorld { world in
        let configuration = configuration(algorithm, overlap: overlap, steps: 8, reproducible: true)
        func digests(_ world: borrowing Communicator) throws -> [String] {
          let trainer = try trainer(configuration, world)
          defer { trainer.close() }
          return try (0..<8).map { _ in "\(try trainer.trainStep()) \(trainer.executor.weightsSHA256)" }
        }
        let expected = try digests(try world.split(color: world.rank, key: 0))
        #expect(Set(expected).count == 8)
        #expect(try digests(world) == expected)
      }
    }

    /// Wide enough for several tiles of every kind of loop: products, bias sums, activations, dropout, losses, updates.
    @Test func theNumberOfThreadsDoesNotChangeOneBit() throws {
      try withWorld { world in
        var wide = configuration(steps: 4)
        wide.model = .init(kind: .mlp, hidden: [300, 700], activation: .gelu, dropout: 0.2)
        wide.training.batch = 128 * world.size
        wide.training.microbatch = 128
        let data = try wide.loadData()
        var digests: Set<String> = []
        for threads in [1, 2, 3, 7] {
          let trainer = try Trainer(
            wide, data: data, network: try Trainer.network(wide, data: data),
            pool: ThreadPool(threads: threads), world: world)
          for _ in 0..<4 { try trainer.trainStep() }
          digests.insert(trainer.executor.weightsSHA256)
          trainer.close()
        }
        #expect(digests.count == 1)
      }
    }

    @Test func everyBucketIsReducedOncePerStepAndCounted() throws {
      try withWorld { world in
        let trainer = try trainer(configuration(steps: 3), world)
        for _ in 0..<3 { try trainer.trainStep() }
        let buckets = trainer.reducer.buckets
        #expect(world.size == 1 || buckets.count > 4)
        let calls = trainer.reducer.statistics.calls
        #expect(calls == (world.size == 1 ? 0 : 3 * buckets.count))
        // Ring: 2 (n - 1) / n of the bytes, up to the rounding of chunks to whole elements.
        let expected =
          Double(3 * 4 * trainer.network.graph.arenaCount * 2 * (world.size - 1)) / Double(world.size)
        let found = Double(trainer.reducer.statistics.bytesSent)
        #expect(abs(found - expected) <= Double(3 * buckets.count * 16 * world.size))
        trainer.close()
      }
    }

    @Test func aRunWritesItsDirectory() throws {
      try withWorld { world in
        let path = try world.broadcast(
          FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
        defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: path) } }
        var run = TrainingRun(configuration(steps: 25), output: path)
        run.silent = true
        let summary = try run.run(on: world)
        #expect(Set(try world.allgather(Int64(summary.weightsSha256.hashValueOfText))).count == 1)
        #expect(summary.steps == 25 && summary.ranks == world.size && summary.weightsSha256.count == 64)
        try world.barrier()
        guard world.rank == 0 else { return }
        let written = try JSONSerialization.jsonObject(
          with: try Data(contentsOf: URL(fileURLWithPath: path + "/summary.json")))
        let object = try #require(written as? [String: Any])
        let keys = [
          "steps", "epochs", "samples_per_second", "step_seconds_median", "train_loss", "evaluation",
          "weights_sha256", "ranks", "threads_per_rank", "reproducible", "blas_kernel", "allreduce",
          "communication", "peak_memory_bytes", "wall_seconds", "restarts",
        ]
        for key in keys { #expect(object[key] != nil, "\(key)") }
        let resolved = try Configuration(contentsOf: path + "/config.yaml")
        #expect(resolved == configuration(steps: 25))
        let lines = try String(contentsOfFile: path + "/metrics.jsonl", encoding: .utf8)
          .split(separator: "\n")
        // Steps 10, 20 and 25, and an evaluation after each of the 5 epochs and at the end.
        #expect(
          lines.count(where: { $0.contains("\"loss\":") && $0.contains("\"samples_per_second\"") }) == 3)
        #expect(lines.contains { $0.contains("\"evaluation\"") })
        let again = #expect(throws: RunDirectoryError.self) {
          try RunDirectory(path, configuration: configuration())
        }
        #expect(again?.description.contains("holds a run already") == true)
      }
    }

    @Test func aLossThatIsNotFiniteStopsAllRanksWithAdvice() throws {
      try withWorld { world in
        var wild = configuration(steps: 50)
        wild.training.optimizer = .init(kind: .sgd, learningRate: 1e30)
        let failure = #expect(throws: CommonFailure.self) {
          let path = FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)"
          defer { try? FileManager.default.removeItem(atPath: path) }
          var run = TrainingRun(wild, output: path)
          run.silent = true
          _ = try run.run(on: world)
        }
        #expect(failure?.description.contains("learning_rate") == true)
      }
    }
  }
}

/// Tests that a job under mpirun runs; enabled by their variable only.
@Suite struct FaultTests {
  static let variable = "RONDO_TEST_THROWING_RANK"
  static let throwing = ProcessInfo.processInfo.environment[variable].flatMap(Int.init)

  @Test(.enabled(if: throwing != nil)) func aRankThrowsInTheMiddleOfTraining() throws {
    _ = try MPI.run { world in
      let trainer = try trainer(configuration(steps: 1_000_000), world)
      while trainer.step < trainer.totalSteps {
        try trainer.trainStep()
        if world.rank == Self.throwing && trainer.step == 30 { throw FireAlarm() }
      }
    }
  }

  private struct FireAlarm: Error, CustomStringConvertible {
    var description: String { "the disk is on fire since \(Date().timeIntervalSince1970)" }
  }

  @Test(.enabled(if: !isUnderLauncher), arguments: [0, 1, 2])
  func aRankThatThrowsEndsTheJobAndIsNamed(rank: Int) throws {
    let job = try Job.runTest(
      "aRankThrowsInTheMiddleOfTraining", ranks: 3, environment: [Self.variable: "\(rank)"])
    let end = Date().timeIntervalSince1970
    let line = "rank \(rank): the disk is on fire since "
    #expect(job.exitStatus != 0, "\(job)")
    let words = job.output.split(separator: "\n").first { $0.contains(line) }
    let thrown = try #require(
      words?.split(separator: " ").last.flatMap { Double($0.filter("0123456789.".contains)) })
    #expect(end - thrown < 40, "\(job)")
  }
}

extension String {
  fileprivate var hashValueOfText: UInt32 { utf8.reduce(17) { $0 &* 31 &+ UInt32($1) } }
}
