import Checkpoints
import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Training

extension RankTests {
  /// Runs whose losses or weights are not finite at times.
  @Suite struct SkippedStepRunTests {
    /// Thirty-two rows, four steps an epoch. One label is so far away that its squared error is infinite.
    private static func table(isBroken: Bool) -> String {
      let rows = (0..<32).map { row in
        let label = row == 7 && isBroken ? "3e38" : "\(Double(row) / 8 + 0.5)"
        return "\(Double(row) / 16 - 1),\(label)\n"
      }
      return "x,y\n" + rows.joined()
    }

    private static func configuration(
      _ path: String, steps: Int, rate: Double = 0.01, logEverySteps: Int = 1, everySteps: Int = 0
    ) -> Configuration {
      Configuration(
        name: "skips", seed: 5, model: .init(kind: .linear),
        data: .init(path: path, label: "y", task: .regression, testFraction: 0),
        training: .init(
          batch: 8, microbatch: 1, steps: steps, optimizer: .init(kind: .sgd, learningRate: rate),
          logEverySteps: logEverySteps),
        checkpoint: .init(everySteps: everySteps, keep: 3))
    }

    /// A folder of all ranks with the table.
    private static func withTable(
      isBroken: Bool, on world: borrowing Communicator, _ body: (_ folder: String) throws -> Void
    ) throws {
      let folder = try world.broadcast(
        FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
      if world.rank == 0 {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(table(isBroken: isBroken).utf8).write(to: URL(fileURLWithPath: folder + "/t.csv"))
      }
      defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: folder) } }
      try world.barrier()
      try body(folder)
      try world.barrier()
    }

    private static func lines(_ path: String) throws -> [[String: Any]] {
      try String(contentsOfFile: path + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
    }

    private static func run(
      _ configuration: Configuration, to path: String, on world: borrowing Communicator
    ) throws -> Summary {
      var run = TrainingRun(configuration, threads: 1, output: path)
      run.silent = true
      return try run.run(on: world)
    }

    @Test func meansAreOverTheStepsThatWereNotSkipped() throws {
      try withWorld { world in
        try Self.withTable(isBroken: true, on: world) { folder in
          let single = try Self.run(
            Self.configuration(folder + "/t.csv", steps: 8), to: folder + "/single", on: world)
          let pairs = try Self.run(
            Self.configuration(folder + "/t.csv", steps: 8, logEverySteps: 2), to: folder + "/pairs",
            on: world)
          #expect(single.skippedSteps == 2 && pairs.skippedSteps == 2)
          #expect(single.trainLoss == pairs.trainLoss && single.weightsSha256 == pairs.weightsSha256)
          guard world.rank == 0 else { return }
          let losses = try Self.lines(folder + "/single").map { line in
            try #require(line["loss"]) as? Double
          }
          #expect(losses.count == 8 && losses.prefix(4).count { $0 == nil } == 1)
          func mean(_ losses: some Sequence<Double?>) -> Double {
            let known = losses.compactMap(\.self)
            return known.reduce(0, +) / Double(known.count)
          }
          #expect(single.trainLoss == mean(losses.suffix(4)))
          for (index, line) in try Self.lines(folder + "/pairs").enumerated() {
            #expect(line["loss"] as? Double == mean(losses[2 * index...2 * index + 1]))
          }
        }
      }
    }

    /// A part of the epoch is in a checkpoint.
    @Test func meansGoOnAfterAnInterruption() throws {
      try withWorld { world in
        try Self.withTable(isBroken: true, on: world) { folder in
          func configuration(steps: Int) -> Configuration {
            Self.configuration(folder + "/t.csv", steps: steps, logEverySteps: 100, everySteps: 7)
          }
          let whole = try Self.run(configuration(steps: 12), to: folder + "/whole", on: world)
          var run = TrainingRun(configuration(steps: 12), threads: 1, output: folder + "/resumed")
          (run.silent, run.resume) = (true, .from(folder + "/whole/checkpoints/step-00000007"))
          let resumed = try run.run(on: world)
          #expect(resumed.trainLoss == whole.trainLoss && resumed.skippedSteps == whole.skippedSteps)
          #expect(resumed.weightsSha256 == whole.weightsSha256)
        }
      }
    }

    /// The update that makes weights infinite has finite gradients, and its checkpoint would be the newest.
    @Test func noCheckpointOfWeightsThatAreNotFiniteTakesThePlaceOfAGoodOne() throws {
      try withWorld { world in
        try Self.withTable(isBroken: false, on: world) { folder in
          var configuration = Self.configuration(folder + "/t.csv", steps: 20, everySteps: 1)
          configuration.checkpoint.keep = 2
          configuration.training.schedule = .init(kind: .step, gamma: 1e41, everySteps: 5)
          #expect(throws: CommonFailure.self) { try Self.run(configuration, to: folder + "/run", on: world) }
          try world.barrier()
          guard world.rank == 0 else { return }
          let store = CheckpointStore(directory: folder + "/run/checkpoints")
          #expect(try store.steps() == [4, 5])
          let newest = try #require(try store.newestWhole { Issue.record("\($0)") })
          #expect(newest.step == 5)
        }
      }
    }

    /// Whether all its steps were skipped, or none.
    @Test(arguments: [1, 3]) func aRunThatDivergesFailsAndKeepsItsCheckpoints(steps: Int) throws {
      try withWorld { world in
        try Self.withTable(isBroken: false, on: world) { folder in
          let path = folder + "/run"
          _ = try Self.run(
            Self.configuration(folder + "/t.csv", steps: 1, everySteps: 1), to: path, on: world)
          let begun = folder + "/diverged"
          var run = TrainingRun(
            Self.configuration(folder + "/t.csv", steps: 1 + steps, rate: 3e38, everySteps: 1), threads: 1,
            output: begun)
          (run.silent, run.resume) = (true, .from(path))
          let failure = #expect(throws: CommonFailure.self) { try run.run(on: world) }
          #expect(failure?.exitStatus == 1)
          #expect(
            failure?.description.contains("step \(1 + steps): the weights are not finite (") == true,
            "\(failure?.description ?? "")")
          try world.barrier()
          guard world.rank == 0 else { return }
          let checkpoints =
            (try? FileManager.default.contentsOfDirectory(atPath: begun + "/checkpoints")) ?? []
          // The weights of step 2 are infinite, and steps after it were skipped.
          #expect(checkpoints.filter { $0.hasPrefix("step-") } == [])
          #expect(!FileManager.default.fileExists(atPath: begun + "/summary.json"))
        }
      }
    }
  }
}
