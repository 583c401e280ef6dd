import Foundation
import Testing

/// What a run directory says of its run, read without the code that wrote it.
struct RunRecord: Sendable {
  /// A logged step, without times.
  struct Step: Decodable, Equatable, Sendable {
    var step: Int
    var epoch: Double
    var loss: Double
    var learningRate: Double
  }

  /// An evaluation, without its time.
  struct Evaluation: Decodable, Equatable, Sendable {
    var step: Int
    var evaluation: [String: Double]
  }

  private struct Identity: Decodable {
    var id: String
    var restarts: Int
  }

  let path: String
  private(set) var steps: [Step] = []
  private(set) var evaluations: [Evaluation] = []
  private let summaryFile: Data?
  /// Of `run.json`; nil before there is one.
  let id: String?
  let restarts: Int?

  init(_ path: String) throws {
    self.path = path
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    for line in Self.lines(path) {
      let data = Data(line.utf8)
      if let step = try? decoder.decode(Step.self, from: data) {
        steps.append(step)
      } else if let evaluation = try? decoder.decode(Evaluation.self, from: data) {
        evaluations.append(evaluation)
      }
    }
    summaryFile = FileManager.default.contents(atPath: path + "/summary.json")
    let identity = try FileManager.default.contents(atPath: path + "/run.json").map {
      try JSONDecoder().decode(Identity.self, from: $0)
    }
    (id, restarts) = (identity?.id, identity?.restarts)
  }

  /// The whole lines of `metrics.jsonl`.
  static func lines(_ path: String) -> [Substring] {
    let text = (try? String(contentsOfFile: path + "/metrics.jsonl", encoding: .utf8)) ?? ""
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().filter { !$0.isEmpty }
  }

  /// `summary.json`; nil for a run that has not come to its end.
  var summary: [String: Any]? {
    summaryFile.flatMap { (try? JSONSerialization.jsonObject(with: $0)) as? [String: Any] }
  }

  var weights: String? { summary?["weights_sha256"] as? String }

  func integer(_ key: String) -> Int? { summary?[key] as? Int }
  func number(_ key: String) -> Double? { summary?[key] as? Double }

  /// What the run has in shared memory.
  var memory: [String] {
    guard let id else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []
    return names.filter { $0.hasPrefix("rondo-\(id)-") }
  }

  /// Folders of checkpoints, under their names.
  var checkpoints: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/checkpoints")) ?? []
    return names.filter { $0.hasPrefix("step-") }.sorted()
  }

  /// Expects the run to have ended as one that nothing happened to: the same bits, each step and evaluation once, and nothing left behind.
  func expectSameCourse(
    as undisturbed: RunRecord, _ comment: @autoclosure () -> String = "",
    location: SourceLocation = #_sourceLocation
  ) {
    let comment = comment()
    #expect(weights != nil && weights == undisturbed.weights, "\(comment)", sourceLocation: location)
    #expect(
      steps == undisturbed.steps,
      "steps \(Self.difference(steps, undisturbed.steps)); \(comment)", sourceLocation: location)
    #expect(
      evaluations == undisturbed.evaluations,
      "evaluations \(Self.difference(evaluations, undisturbed.evaluations)); \(comment)",
      sourceLocation: location)
    for key in ["train_loss", "epochs"] {
      #expect(number(key) == undisturbed.number(key), "\(key); \(comment)", sourceLocation: location)
    }
    #expect(memory.isEmpty, "\(comment)", sourceLocation: location)
    let notFinite = Self.lines(path).filter { $0.contains("Infinity") || $0.contains("NaN") }
    #expect(notFinite.isEmpty, "\(comment)", sourceLocation: location)
  }

  private static func difference<Line: Equatable>(_ found: [Line], _ expected: [Line]) -> String {
    let first = zip(found, expected).first { $0 != $1 }
    let place = first.map { "found \($0), expected \($1)" } ?? "the beginning is the same"
    return "(\(found.count) of \(expected.count)): \(place)"
  }
}
