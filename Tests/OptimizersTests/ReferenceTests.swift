import BLAS
import Foundation
import Testing

@testable import Graph
@testable import Optimizers

/// What PyTorch made of the same optimizers and schedules: `scripts/reference/optimizers.py` writes these files.
@Suite struct ReferenceTests {
  struct Rows<Row: Decodable>: Decodable {
    var rows: [Row]

    static func read(_ name: String) throws -> [Row] {
      let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "References/\(name)")
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try decoder.decode(Self.self, from: Data(contentsOf: file)).rows
    }
  }

  /// A run, with the names of PyTorch's arguments.
  struct Run: Decodable {
    var kind: String
    var lr: Double
    var momentum: Double?
    var nesterov: Bool?
    var weightDecay: Double?
    var alpha: Double?
    var eps: Double?
    var betas: [Double]?
    var bias: String?
    var clipNorm: Double?
    var clipValue: Double?
    /// After 20 steps.
    var parameters: [Double]

    /// What a run does not say are PyTorch's defaults, and ours.
    var optimizer: any Optimizer {
      switch kind {
      case "sgd":
        return SGD(momentum: momentum ?? 0, nesterov: nesterov ?? false, weightDecay: weightDecay ?? 0)
      case "rmsprop":
        var rule = RMSprop(momentum: momentum ?? 0, weightDecay: weightDecay ?? 0)
        if let alpha { rule.alpha = alpha }
        return rule
      case "adagrad":
        var rule = Adagrad(weightDecay: weightDecay ?? 0)
        if let eps { rule.epsilon = eps }
        return rule
      case "adam":
        var rule = Adam(weightDecay: weightDecay ?? 0)
        if let eps { rule.epsilon = eps }
        if let betas { (rule.beta1, rule.beta2) = (betas[0], betas[1]) }
        return rule
      default:
        var rule = AdamW()
        if let weightDecay { rule.weightDecay = weightDecay }
        if let betas { (rule.beta1, rule.beta2) = (betas[0], betas[1]) }
        return rule
      }
    }

    var clipping: GradientClipping { clipNorm.map { .norm($0) } ?? clipValue.map { .value($0) } ?? .none }
  }

  /// PyTorch computes in double precision here, and this in single: 2e-6 is about 20 roundings of numbers of size 1.
  @Test func parametersAfter20StepsArePyTorchs() throws {
    let runs = try Rows<Run>.read("optimizers.json")
    #expect(Set(runs.map(\.kind)) == ["sgd", "rmsprop", "adagrad", "adam", "adamw"])
    let graph = try someGraph([("weight", [6, 4]), ("bias", [4])])
    let (pieces, pool) = (UpdatePieces(graph), ThreadPool(threads: 1))
    let places = graph.parameters.flatMap(\.range)
    for run in runs {
      let rule = run.optimizer
      #expect(rule.name == run.kind)
      let groups = try ParameterGroups(
        graph, decay: run.bias == "stays" ? .matrices : .all, frozen: run.bias == "frozen" ? ["bias"] : [])
      let (parameters, gradients) = (Arena(count: graph.arenaCount), Arena(count: graph.arenaCount))
      let state = Arena(count: rule.stateCount * graph.arenaCount)
      for (i, place) in places.enumerated() {
        parameters.base[place] = Float((37 * i + 11) % 64 - 32) / 64
      }
      for step in 0..<20 {
        for (i, place) in places.enumerated() {
          gradients.base[place] = Float(sin(3 * Double(parameters.base[place]) + Double(i % 7)))
        }
        run.clipping.clip(gradients, pieces, graph, groups: groups, on: pool)
        rule.update(
          pieces, graph, groups: groups, parameters: parameters, gradients: gradients, state: state,
          at: UpdateStep(step: step, learningRate: run.lr), on: pool)
      }
      let worst = zip(places, run.parameters).map { abs(Double(parameters.base[$0]) - $1) }.max() ?? .nan
      #expect(worst < 2e-6, "\(run)")
    }
  }

  struct Schedule: Decodable {
    var kind: LearningRateSchedule.Kind
    var total: Int
    var warmupSteps: Int?
    var everySteps: Int?
    var gamma: Double?
    var pctStart: Double?
    var divFactor: Double?
    var finalDivFactor: Double?
    var factors: [Double]

    var schedule: LearningRateSchedule {
      var schedule = LearningRateSchedule(kind, warmupSteps: warmupSteps ?? 0, totalSteps: total)
      if let everySteps { schedule.everySteps = everySteps }
      if let gamma { schedule.gamma = gamma }
      if let pctStart { schedule.pctStart = pctStart }
      if let divFactor { schedule.divFactor = divFactor }
      if let finalDivFactor { schedule.finalDivFactor = finalDivFactor }
      return schedule
    }
  }

  @Test func factorsOfTheLearningRateArePyTorchs() throws {
    for reference in try Rows<Schedule>.read("schedules.json") {
      #expect(reference.factors.count == reference.total)
      for (step, expected) in reference.factors.enumerated() {
        let factor = reference.schedule.factor(step: step)
        #expect(abs(factor - expected) <= 1e-8, "\(reference.kind), step \(step)")
      }
    }
  }
}

extension LearningRateSchedule.Kind: Decodable {}
