import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Training

private func configuration() -> Configuration {
  Configuration(
    name: "test", seed: 3, model: .init(kind: .mlp, hidden: [8]), data: .init(source: .digits),
    training: .init(batch: 64, microbatch: 8, steps: 2, optimizer: .init(kind: .adamw, learningRate: 1e-3)),
    checkpoint: .init(survive: false))
}

/// What a run says on all ranks of `world`; nil if it came to its end.
private func failure(
  of configuration: Configuration, timeline: Bool = false, on world: borrowing Communicator
) throws -> String? {
  let path = try world.broadcast(
    FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
  defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: path) } }
  var run = TrainingRun(configuration, output: path)
  run.silent = true
  run.timeline = timeline
  do {
    _ = try run.run(on: world)
  } catch let failure as CommonFailure {
    return failure.description
  }
  return nil
}

extension RankTests {
  /// Ranks that were started with different commands, or on hosts with different files.
  @Suite struct DifferentRanksTests {
    private static let changes: [(line: String, change: @Sendable (inout Configuration) -> Void)] = [
      ("training.optimizer.learning_rate is 0.002", { $0.training.optimizer.learningRate = 2e-3 }),
      ("training.steps is 3", { $0.training.steps = 3 }),
      ("seed is 4", { $0.seed = 4 }),
      ("model.hidden is [8, 8]", { $0.model.hidden = [8, 8] }),
      ("communication.bucket_bytes is 8KiB", { $0.communication.bucketBytes = 8192 }),
      ("communication.check is true", { $0.communication.check = true }),
      ("communication.warn_after_seconds is 0", { $0.communication.warnAfterSeconds = 0 }),
      ("checkpoint.every_steps is 1", { $0.checkpoint.everySteps = 1 }),
    ]

    @Test(arguments: changes.indices) func aConfigurationThatDiffersIsNamed(index: Int) throws {
      try withWorld { world in
        let (line, change) = Self.changes[index]
        var own = configuration()
        if world.rank == world.size - 1 { change(&own) }
        let found = try failure(of: own, on: world)
        guard world.size > 1 else { return }
        #expect(found?.hasPrefix("rank \(world.size - 1): \(line) on ") == true, "\(found ?? "no failure")")
        #expect(found?.contains("and on rank 0 \(line.prefix { $0 != " " }) is ") == true, "\(found ?? "")")
      }
    }

    /// A timeline is gathered from all ranks.
    @Test func anOptionThatConcernsAllRanksIsNamed() throws {
      try withWorld { world in
        for isOn in [true, false] {
          let isLast = world.rank == world.size - 1
          let found = try failure(of: configuration(), timeline: isLast == isOn, on: world)
          guard world.size > 1 else { continue }
          let expected =
            "rank \(world.size - 1): --timeline is \(isOn) on \(MPI.processorName), and on rank 0 --timeline is \(!isOn): "
          #expect(found?.hasPrefix(expected) == true, "\(found ?? "no failure")")
        }
      }
    }

    @Test func dataThatDifferAreNamedAndPlacesOfFilesMayDiffer() throws {
      try withWorld { world in
        let file = FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString).csv"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let lines = (0..<200).map { "\($0 % 17),\($0 % 5),\($0 % 2)" }
        let none = try Self.refusal(of: lines, in: file, on: world)
        #expect(none == nil, "\(none ?? "")")
        guard world.size > 1 else { return }
        let isLast = world.rank == world.size - 1
        let start = "rank \(world.size - 1): the data on \(MPI.processorName) "
        let one = try Self.refusal(of: isLast ? lines.dropLast() + ["3,4.5,1"] : lines, in: file, on: world)
        #expect(one?.hasPrefix("\(start)have other contents than those of rank 0") == true, "\(one ?? "")")
        let fewer = try Self.refusal(of: isLast ? Array(lines.dropLast(20)) : lines, in: file, on: world)
        #expect(fewer?.hasPrefix("\(start)are ") == true, "\(fewer ?? "")")
      }
    }

    /// - Parameter file: of this rank.
    private static func refusal(
      of lines: [String], in file: String, on world: borrowing Communicator
    ) throws -> String? {
      try (["a,b,y"] + lines).joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
      var own = configuration()
      own.data = .init(path: file, label: "y")
      return try failure(of: own, on: world)
    }
  }
}
