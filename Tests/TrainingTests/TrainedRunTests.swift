import BLAS
import Checkpoints
import Datasets
import Foundation
import Graph
import MPI
import MPITestSupport
import NeuralNetwork
import Testing

@testable import Training

/// A folder for one test, the same on all ranks, removed by rank 0.
private func withFolder(
  on world: borrowing Communicator, _ body: (String) throws -> Void
) throws {
  let path = try world.broadcast(
    FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
  if world.rank == 0 {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  try world.barrier()
  try body(path)
  try world.barrier()
  if world.rank == 0 { try FileManager.default.removeItem(atPath: path) }
}

private let table =
  "a,city,b,y\n"
  + (0..<200).map {
    "\(Float($0 * 37 % 101) / 7),\(["Rome", "Oslo", "Bern"][$0 * $0 % 3]),\($0 % 13),\($0 * 37 % 101 > 50 + $0 % 5 ? "yes" : "no")"
  }
  .joined(separator: "\n") + "\n"
private let text = String(repeating: "one two three four ", count: 60)
private let sequences = (0..<80).map {
  "\($0 % 2)\t\($0 % 2 == 0 ? "ACGTA" : "TTTG")\(String(repeating: "C", count: $0 % 6))\n"
}
.joined()

/// Small runs over each format of data.
private func configuration(_ name: String, data path: String) -> Configuration {
  let (model, data): (Configuration.Model, Configuration.Data) =
    switch name {
    case "digits": (.init(kind: .mlp, hidden: [12]), .init(source: .digits))
    case "tabular":
      (
        .init(kind: .tabular, hidden: [8]),
        .init(path: path, label: "y", categorical: ["city"], standardize: true)
      )
    case "gpt":
      (
        .init(kind: .gpt, layers: 1, heads: 2, width: 8, context: 12),
        .init(path: path, format: .text)
      )
    default:
      (
        .init(kind: .encoder, layers: 1, heads: 2, width: 8),
        .init(path: path, format: .sequences)
      )
    }
  return Configuration(
    name: name, model: model, data: data,
    training: .init(batch: 40, microbatch: 5, steps: 4, optimizer: .init(kind: .adamw, learningRate: 1e-2)))
}

extension RankTests {
  @Suite struct TrainedRunTests {
    /// Trains in `folder` and gives the run's directory.
    private func train(
      _ name: String, in folder: String, on world: borrowing Communicator
    ) throws -> (path: String, data: String, summary: Summary) {
      let (path, data) = (folder + "/run", folder + "/data")
      if world.rank == 0 {
        let contents = ["tabular": table, "gpt": text, "encoder": sequences][name] ?? ""
        try contents.write(toFile: data, atomically: true, encoding: .utf8)
      }
      try world.barrier()
      var run = TrainingRun(configuration(name, data: data), output: path)
      run.silent = true
      let summary = try run.run(on: world)
      try world.barrier()
      return (path, data, summary)
    }

    @Test(arguments: ["digits", "tabular", "gpt", "encoder"])
    func evaluatingARunGivesTheBitsOfItsSummary(name: String) throws {
      try withWorld { world in
        try withFolder(on: world) { folder in
          let (path, data, summary) = try train(name, in: folder, on: world)
          let alone = try world.split(color: world.rank, key: 0)
          let evaluation = try EvaluationRun(path).run(on: world)
          #expect(evaluation.metrics == summary.evaluation && evaluation.samples > 0)
          #expect(try EvaluationRun(path, threads: 3).run(on: alone) == evaluation)
          let stored = try String(contentsOfFile: path + "/evaluation.json", encoding: .utf8)
          #expect(stored == evaluation.json() + "\n")
          guard name != "digits" else { return }
          // All of the file instead of the part that was held out.
          let all = try EvaluationRun(path, data: data).run(on: world)
          #expect(all.samples > evaluation.samples)
        }
      }
    }

    @Test func aModelOfOnesOwnIsMeasuredWhenItIsGiven() throws {
      try withWorld { world in
        try withFolder(on: world) { folder in
          let model: (Tensor) -> Tensor = { image in
            Dense("logits", 10)(Dense("wide", 20, activation: .gelu)(image))
          }
          var run = TrainingRun(configuration("digits", data: ""), output: folder + "/run")
          run.silent = true
          run.model = model
          let summary = try run.run(on: world)
          try world.barrier()
          var evaluation = EvaluationRun(folder + "/run")
          evaluation.model = model
          #expect(try evaluation.run(on: world).metrics == summary.evaluation)
          #expect(try problem(folder + "/run", nil, on: world).contains("the weights are not those of"))
        }
      }
    }

    /// Samples that were held out, as a stream hands them out, get the classes that the evaluation counted.
    @Test func predictionsAreWhatTheEvaluationCounts() throws {
      try withWorld { world in
        try withFolder(on: world) { folder in
          let (path, data, _) = try train("tabular", in: folder, on: world)
          let run = try TrainedRun(path: path)
          let evaluation = try EvaluationRun(path, data: data).run(on: world)
          let labels = table.split(separator: "\n").dropFirst().map { $0.hasSuffix("yes") ? 1 : 0 }
          for batch in [1, 7] {
            let predictor = try Predictor(run, batch: batch, pool: ThreadPool(threads: 1))
            #expect(predictor.classNames == ["no", "yes"])
            let stream = try CSVSamples(path: data, preprocessing: try run.preprocessing())
            var lines: [String] = []
            try PredictionRun(predictor, format: .csv).run(stream) { line in
              lines.append(line)
              return true
            }
            #expect(lines.removeFirst() == "class,probability no,probability yes")
            var counts = ClassCounts(classes: 2)
            for (label, line) in zip(labels, lines) {
              counts.add(label: label, prediction: line.hasPrefix("yes,") ? 1 : 0)
            }
            #expect(lines.count == labels.count && counts.confusionMatrix == evaluation.confusionMatrix)
          }
        }
      }
    }

    @Test func aCheckpointOfAnUnfinishedRunIsTaken() throws {
      try withWorld { world in
        try withFolder(on: world) { folder in
          let (path, _, _) = try train("digits", in: folder, on: world)
          let files = FileManager.default
          let newest = path + "/checkpoints/step-00000020"
          if world.rank == 0 {
            for step in ["3", "00000020"] {
              try files.createDirectory(
                atPath: path + "/checkpoints/step-\(step)", withIntermediateDirectories: true)
            }
            try files.createDirectory(
              atPath: path + "/checkpoints/step-00000030", withIntermediateDirectories: true)
            try files.copyItem(
              atPath: path + "/model.safetensors", toPath: path + "/checkpoints/step-3/model.safetensors")
            try files.moveItem(atPath: path + "/model.safetensors", toPath: newest + "/model.safetensors")
          }
          try world.barrier()
          #expect(try RunFiles(path).weights == newest + "/model.safetensors")
          let evaluation = try EvaluationRun(path).run(on: world)
          #expect(try EvaluationRun(newest).run(on: world) == evaluation)
          #expect(try RunInspection(path: path).checkpoints.map(\.name) == ["step-3", "step-00000020"])
          #expect(try RunInspection(path: newest).steps == 4)
          // What a manifest lies beside has to be what was written.
          try change(on: world) {
            let store = CheckpointStore(directory: path + "/checkpoints")
            try store.begin(step: 40)
            let weights = try Data(contentsOf: URL(fileURLWithPath: newest + "/model.safetensors"))
            try store.commit(
              step: 40, files: store.write([UnwrittenFile(CheckpointFile.model, weights)], step: 40))
          }
          let whole = path + "/checkpoints/step-00000040"
          #expect(try EvaluationRun(whole).run(on: world) == evaluation)
          try change(on: world) {
            let file = URL(fileURLWithPath: whole + "/model.safetensors")
            var bytes = try Data(contentsOf: file)
            bytes[bytes.count - 2] ^= 1
            try bytes.write(to: file)
          }
          #expect(try problem(whole, nil, on: world).contains("model.safetensors: digest differs"))
        }
      }
    }

    /// As when a queue has started a job twice, and the first one comes to the end while the second waits.
    @Test func aJobThatWaitedForTheEndOfItsRunFindsItFinished() throws {
      try withWorld { world in
        try withFolder(on: world) { folder in
          let (path, _, summary) = try train("digits", in: folder, on: world)
          let names = ["summary.json", "run.json", "metrics.jsonl", "config.yaml", "preprocessing.json"]
          func contents() -> [Data?] { names.map { FileManager.default.contents(atPath: "\(path)/\($0)") } }
          let before = contents()
          var first: Int32 = -1
          try change(on: world) {
            try FileManager.default.moveItem(atPath: path + "/summary.json", toPath: folder + "/summary.json")
            first = Foundation.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            #expect(flock(first, LOCK_EX) == 0)
          }
          let released = DispatchSemaphore(value: 0)
          if world.rank == 0 {
            Thread { [first] in
              // Until the run has opened its directory, too.
              let limit = Date().addingTimeInterval(8)
              while Self.openCount(path) < 2, Date() < limit { usleep(10_000) }
              try? FileManager.default.moveItem(
                atPath: folder + "/summary.json", toPath: path + "/summary.json")
              close(first)
              released.signal()
            }.start()
          }
          var run = TrainingRun(configuration("digits", data: ""), output: path)
          run.silent = true
          let again = try run.run(on: world)
          if world.rank == 0 { released.wait() }
          #expect(again.weightsSha256 == summary.weightsSha256)
          // Times are rank 0's.
          #expect(world.rank > 0 || again.wallSeconds == summary.wallSeconds)
          #expect(contents() == before)
          try world.barrier()
        }
      }
    }

    /// How many descriptors of this process are of a file.
    private static func openCount(_ path: String) -> Int {
      let folder = "/proc/self/fd"
      let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
      let numbers = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      return numbers.count {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")) == real
      }
    }

    /// What all ranks say is wrong.
    private func problem(
      _ path: String, _ data: String?, on world: borrowing Communicator
    ) throws -> String {
      do {
        _ = try EvaluationRun(path, data: data).run(on: world)
        return "nothing"
      } catch let failure as CommonFailure {
        #expect(failure.exitStatus == 2 && !failure.description.contains("\n"))
        return failure.description
      }
    }

    /// Changes files on rank 0, when no rank reads them.
    private func change(on world: borrowing Communicator, _ body: () throws -> Void) throws {
      try world.barrier()
      if world.rank == 0 { try body() }
      try world.barrier()
    }

    @Test func whatDoesNotFitIsOneLine() throws {
      try withWorld { world in
        try withFolder(on: world) { folder in
          let (path, data, _) = try train("tabular", in: folder, on: world)
          let other = folder + "/other.csv"
          try change(on: world) {
            try "a,city,b,y\n1,Rome,2,perhaps\n".write(toFile: other, atomically: true, encoding: .utf8)
          }
          #expect(
            try problem(path, other, on: world).contains(
              "other.csv:2: column \"y\": no row of the training file has the class"))
          try change(on: world) {
            try "a,city,y\n1,Rome,no\n".write(toFile: other, atomically: true, encoding: .utf8)
          }
          #expect(
            try problem(path, other, on: world).contains(
              "the training file has a column \"b\", this file has none"))
          // A word more shifts no code, but it is another table.
          try change(on: world) {
            try (table + "1,Paris,2,no\n").write(toFile: data, atomically: true, encoding: .utf8)
          }
          #expect(try problem(path, nil, on: world).contains("the data have changed since the training"))
          let preprocessing = path + "/preprocessing.json"
          try change(on: world) { try "{}".write(toFile: preprocessing, atomically: true, encoding: .utf8) }
          #expect(
            try problem(path, data, on: world).contains(
              "preprocessing.json: this is not what rondo train wrote"))
          try change(on: world) { try FileManager.default.removeItem(atPath: preprocessing) }
          #expect(try problem(path, data, on: world).contains("preprocessing.json: there is no such file"))
          let weights = path + "/model.safetensors"
          try change(on: world) {
            try SafetensorsFile.write([.init("x", shape: [1], [Float(1)])], to: weights)
          }
          #expect(try problem(path, nil, on: world).contains("the weights are not those of"))
          try change(on: world) { try FileManager.default.removeItem(atPath: weights) }
          #expect(try problem(path, nil, on: world).contains("the run has no weights yet"))
          try change(on: world) { try FileManager.default.removeItem(atPath: path + "/config.yaml") }
          #expect(try problem(path, nil, on: world).contains("this is no run directory"))
          #expect(throws: ConfigurationError.self) { try RunFiles(folder + "/nothing") }
          #expect(throws: ConfigurationError.self) { try RunFiles(data) }
        }
      }
    }
  }
}

@Suite struct PredictionFormatTests {
  @Test func namesAreQuotedWhereTheyMustBe() throws {
    let names = ["a,b", "say \"x\"", "plain"]
    let prediction = Prediction.classes(best: 1, probabilities: [0.25, 0.5, 1e-7])
    let csv = PredictionFormat(.csv, classNames: names)
    #expect(csv.header == "class,\"probability a,b\",\"probability say \"\"x\"\"\",probability plain")
    #expect(csv.line(prediction) == "\"say \"\"x\"\"\",0.25,0.5,1e-07")
    let line = PredictionFormat(.jsonl, classNames: names).line(prediction)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["class"] as? String == "say \"x\"")
    #expect((object["probabilities"] as? [String: Double])?["a,b"] == 0.25)
  }

  @Test func aValueIsANumber() {
    #expect(PredictionFormat(.csv, classNames: nil).header == "value")
    #expect(PredictionFormat(.csv, classNames: nil).line(.value(-1.5)) == "-1.5")
    #expect(PredictionFormat(.jsonl, classNames: nil).header == nil)
    #expect(PredictionFormat(.jsonl, classNames: nil).line(.value(0.1)) == "{\"value\":0.1}")
    #expect(PredictionFormat(.jsonl, classNames: nil).line(.value(.nan)) == "{\"value\":\"NaN\"}")
  }
}
