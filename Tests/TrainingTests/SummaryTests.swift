import BLAS
import Checkpoints
import Collectives
import Datasets
import Foundation
import Graph
import MPI
import MPITestSupport
import Optimizers
import Testing

@testable import Training

extension RankTests {
  /// Every figure of `summary.json` against what the other files of the run say.
  @Suite struct SummaryTests {
    private static func json(_ path: String) throws -> [String: Any] {
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// SHA-256 of the tensors of a safetensors file in the order of their names.
    private static func digest(_ path: String) throws -> String {
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      let length = data[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
      let header = try #require(
        try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any])
      var hash = SHA256()
      for name in header.keys.sorted() where name != "__metadata__" {
        let offsets = try #require((header[name] as? [String: Any])?["data_offsets"] as? [Int])
        data[8 + length + offsets[0]..<8 + length + offsets[1]].withUnsafeBytes { hash.update($0) }
      }
      return hash.hexadecimal
    }

    /// Bytes that rank 0 gets or sends in a step.
    private static func bytes(
      _ algorithm: Configuration.Communication.Algorithm, _ graph: Graph, leaves: Int, size: Int
    ) -> (expected: Double, bound: Double) {
      guard size > 1 else { return (0, 0) }
      let tree = ReductionTree(leaves: leaves)
      let runs = (0..<size).map { tree.run(ofRank: $0, size: size) }
      if algorithm == .tree {
        // Direct exchange: each partial sum, and the result, but for the own part of it.
        let partials = Double(tree.partials(of: runs[0]).count)
        let buffer = Double(4 * graph.arenaCount)
        return ((partials + 1) * buffer * Double(size - 1) / Double(size), (partials + 1) * 64 * Double(size))
      }
      // The others' sums of the pieces that this rank updates.
      let pieces = UpdatePieces(graph)
      let own = pieces.indices(in: pieces.share(0, of: size)).reduce(0) { $0 + pieces.pieces[$1].range.count }
      let others = runs.dropFirst().reduce(0) { $0 + tree.unfolded(of: $1).count }
      return (Double(4 * own * others), 0)
    }

    @Test(arguments: [Configuration.Communication.Algorithm.auto, .tree])
    func itsFiguresAreThoseOfTheOtherFiles(algorithm: Configuration.Communication.Algorithm) throws {
      try withWorld { world in
        let path = try world.broadcast(
          FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
        defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: path) } }
        let configuration = Configuration(
          name: "figures", seed: 3, model: .init(kind: .mlp, hidden: [200]), data: .init(source: .digits),
          training: .init(batch: 240, microbatch: 20, steps: 15, logEverySteps: 1),
          communication: .init(algorithm: algorithm))
        var run = TrainingRun(configuration, threads: 2, output: path)
        (run.silent, run.timeline) = (true, true)
        _ = try run.run(on: world)
        try world.barrier()
        guard world.rank == 0 else { return }

        let summary = try Self.json(path + "/summary.json")
        func number(_ key: String, of object: [String: Any]? = nil) -> Double {
          (object ?? summary)[key] as? Double ?? .nan
        }
        // 1457 samples are 6 steps an epoch.
        #expect(number("steps") == 15 && number("epochs") == 2.5)
        #expect(number("ranks") == Double(world.size) && number("threads_per_rank") == 2)
        #expect(summary["name"] as? String == "figures" && summary["reproducible"] as? Bool == true)
        #expect(number("restarts") == 0 && number("skipped_steps") == 0)
        #expect(summary["weights_sha256"] as? String == (try Self.digest(path + "/model.safetensors")))

        let lines = try String(contentsOfFile: path + "/metrics.jsonl", encoding: .utf8).split(
          separator: "\n")
        let objects = lines.compactMap {
          try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        let losses = objects.compactMap { $0["loss"] as? Double }
        #expect(objects.compactMap { $0["loss"] == nil ? nil : $0["step"] as? Int } == Array(1...15))
        #expect(abs(number("train_loss") - losses[12...].reduce(0, +) / 3) < 1e-12)
        let last = objects.last { $0["evaluation"] != nil }?["evaluation"] as? [String: Double]
        #expect(last != nil && summary["evaluation"] as? [String: Double] == last)

        let events = try Self.json(path + "/timeline.json")["traceEvents"] as? [[String: Any]]
        let steps = (events ?? []).filter { $0["name"] as? String == "step" && $0["pid"] as? Int == 0 }
          .compactMap { $0["dur"] as? Double }.map { $0 * 1e-6 }
        #expect(steps.count == 15)
        // Durations there are rounded to nanoseconds, and a step may take 0.1 ms.
        let seconds = steps.reduce(0, +)
        #expect(abs(number("samples_per_second") * seconds / (15 * 240) - 1) < 1e-4)
        #expect(abs(number("step_seconds_median") / steps.sorted()[7] - 1) < 1e-4)
        #expect(number("wall_seconds") > seconds)

        let data = try configuration.loadData()
        let graph = try Trainer.network(configuration, data: data).graph
        let (bytes, bound) = Self.bytes(algorithm, graph, leaves: 12, size: world.size)
        let communication = try #require(summary["communication"] as? [String: Any])
        #expect(abs(number("bytes", of: communication) - 15 * bytes) <= 15 * bound)
        #expect(
          number("seconds", of: communication) >= 0 && number("exposed_seconds", of: communication) >= 0)
        #expect(number("exposed_seconds", of: communication) <= seconds)
        let names = summary["allreduce"] as? [String: String]
        #expect(
          names
            == (world.size == 1 ? [:] : ["\(4 * graph.arenaCount)": algorithm == .tree ? "tree" : "shared"]))
        #expect(number("peak_memory_bytes") > Double(4 * 4 * graph.arenaCount))
      }
    }

    /// 48 samples, of which some have values beyond what gradients can hold.
    private static func run(
      epochs: Int, faulty: (Int) -> Bool, _ world: borrowing Communicator
    ) throws -> (Result<Summary, CommonFailure>, metrics: String) {
      let path = try world.broadcast(
        FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
      defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: path) } }
      if world.rank == 0 {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let rows = (0..<48).map { faulty($0) ? "3e38,3e38,\($0 % 2)" : "\($0 % 2),\($0 % 5),\($0 % 2)" }
        try ("a,b,y\n" + rows.joined(separator: "\n") + "\n").write(
          toFile: path + "/d.csv", atomically: true, encoding: .utf8)
      }
      try world.barrier()
      let configuration = Configuration(
        name: "faulty", seed: 3, model: .init(kind: .mlp, hidden: [16]),
        data: .init(path: path + "/d.csv", label: "y", standardize: false, testFraction: 0),
        training: .init(batch: 24, microbatch: 4, epochs: epochs, logEverySteps: 1))
      var run = TrainingRun(configuration, output: path + "/run")
      run.silent = true
      let result = Result { try run.run(on: world) }.mapError {
        $0 as? CommonFailure ?? CommonFailure("\($0)")
      }
      try world.barrier()
      return (result, (try? String(contentsOfFile: path + "/run/metrics.jsonl", encoding: .utf8)) ?? "")
    }

    /// Labels of that size are common, and their squares are losses like others.
    @Test func aLossOfAnySizeIsTheMeanOfItsSamples() throws {
      try withWorld { world in
        for label: Float in [2e5, 1e9, 1e15] {
          let samples = Dataset(
            features: [Float](repeating: 0.5, count: 48 * 3),
            labels: .values((0..<48).map { $0 % 2 == 0 ? label : -label }),
            featureNames: ["a", "b", "c"], labelName: "y")
          let data = DatasetSplit(train: samples, test: samples)
          let configuration = Configuration(
            model: .init(kind: .linear), data: .init(path: "-", label: "y"),
            training: .init(batch: 48, microbatch: 4, steps: 2, optimizer: .init(kind: .sgd, learningRate: 0))
          )
          let trainer = try Trainer(
            configuration, data: data, network: try Trainer.network(configuration, data: data),
            pool: ThreadPool(threads: 1), world: world)
          let loss = try trainer.trainStep()
          trainer.close()
          #expect(abs(loss / Double(label * label) - 1) < 1e-4 && trainer.progress.skippedSteps == 0)
        }
      }
    }

    @Test func aStepWhoseGradientsAreNotFiniteIsSkippedAndCounted() throws {
      try withWorld { world in
        let (result, metrics) = try Self.run(epochs: 40, faulty: { $0 == 17 }, world)
        let summary = try result.get()
        // One of the two steps of each epoch.
        #expect(summary.skippedSteps == 40 && summary.steps == 80)
        #expect(summary.trainLoss.isFinite)
        guard world.rank == 0 else { return }
        #expect(metrics.split(separator: "\n").count(where: { $0.contains("\"loss\"") }) == 80)
        #expect(!metrics.contains("NaN") && !metrics.contains("Infinity"))
      }
    }

    @Test func tenStepsInARowThatChangeNothingEndTheRunAndNameTheTensors() throws {
      try withWorld { world in
        let (result, metrics) = try Self.run(epochs: 40, faulty: { _ in true }, world)
        let failure = #expect(throws: CommonFailure.self) { try result.get() }
        let text = failure?.description ?? ""
        #expect(text.hasPrefix("step 10: the gradients of 10 steps in a row were not finite ("), "\(text)")
        #expect(text.contains("hidden.0."), "\(text)")
        #expect(failure?.exitStatus == 1)
        if world.rank == 0 { #expect(metrics.split(separator: "\n").count == 9) }
      }
    }
  }
}
