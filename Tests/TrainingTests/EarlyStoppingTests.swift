import Foundation
import Testing

@testable import Training

@Suite struct EarlyStoppingTests {
  private func bests(_ values: [Double], _ metric: Metric, minDelta: Double = 0) -> [Bool] {
    var best = BestMetric(metric, minDelta: minDelta)
    return values.enumerated().map { best.record($1, step: $0) }
  }

  @Test func theDirectionFollowsFromTheMetric() {
    #expect(bests([3, 2, 2.5, 2, 1], .loss) == [true, true, false, false, true])
    #expect(bests([0.3, 0.2, 0.4, 0.4], .accuracy) == [true, false, true, false])
  }

  @Test func aGainOfTheLeastDifferenceIsNone() {
    #expect(bests([1, 0.75, 0.5, 0.25], .mse, minDelta: 0.25) == [true, false, true, false])
  }

  @Test func whatIsNoNumberIsNeverTheBest() {
    #expect(bests([.nan, 2, .nan, 1], .loss) == [false, true, false, true])
    #expect(bests([-.infinity, .nan, 1], .r2) == [true, false, true])
  }

  @Test func itEndsAfterSoManyEvaluationsWithoutABetterOne() throws {
    var stopping = EarlyStopping(BestMetric(.accuracy), patience: 2)
    var over: [Bool] = []
    for (step, value) in [0.5, 0.4, 0.6, 0.6, 0.59, 0.9].enumerated() {
      stopping.record(value, step: step)
      over.append(stopping.isOver)
      // Through a checkpoint and back.
      stopping = try JSONDecoder().decode(EarlyStopping.self, from: JSONEncoder().encode(stopping))
    }
    #expect(over == [false, false, false, false, true, false])
    #expect(stopping.best.value == 0.9 && stopping.best.step == 5)
  }

  @Test func itIsOffWithoutPatience() throws {
    let off = Configuration.EarlyStopping(metric: .loss)
    #expect(EarlyStopping(off) == nil)
    let wanted = Configuration.EarlyStopping(metric: .rocAUC, patience: 3, minDelta: 0.5)
    #expect(EarlyStopping(wanted) == EarlyStopping(BestMetric(.rocAUC, minDelta: 0.5), patience: 3))
  }

  @Test(
    arguments: [
      (
        Metric.rocAUC, "yes",
        "key: evaluations will have no roc_auc, as no sample has the class no, only loss, log_loss, accuracy, precision, recall, f1"
      ),
      (
        .prAUC, "no",
        "key: evaluations will have no pr_auc, as no sample has the class yes, only loss, log_loss, accuracy, precision, recall, f1"
      ),
      (
        .mse, "both",
        "key: evaluations will have no mse, only loss, log_loss, accuracy, precision, recall, f1, roc_auc, pr_auc"
      ),
      (.f1, "none", "needed: the run holds out no samples; raise data.test_fraction, or remove it"),
      (.rocAUC, "both", nil), (.f1, "yes", nil),
    ] as [(Metric, String, String?)])
  func aMetricThatWillNotBeThereIsRefused(_ metric: Metric, _ labels: String, _ problem: String?) throws {
    let classes: [Int32] = ["yes": [1, 1], "no": [0, 0], "both": [0, 1]][labels] ?? []
    let check = MetricCheck(
      task: .classification(classes: 2), loss: .crossEntropy(),
      labels: .classes(classes, names: ["no", "yes"]))
    var found: String?
    do { try check.check(metric, "key", neededFor: "needed") } catch {
      found = error.problem
    }
    #expect(found == problem)
  }

  @Test func anEvaluationWithoutTheMetricNamesTheReason() throws {
    var evaluation = Evaluation(samples: 1)
    evaluation[.loss] = 2
    evaluation.leftOut["roc_auc"] = "no sample has the class yes"
    #expect(try evaluation.value(of: .loss, for: "training.early_stopping.metric") == 2)
    let failure = #expect(throws: CommonFailure.self) {
      try evaluation.value(of: .rocAUC, for: "training.early_stopping.metric")
    }
    #expect(
      failure?.description
        == "training.early_stopping.metric: the evaluation has no roc_auc (no sample has the class yes); it has loss"
    )
  }

  @Test(arguments: [
    ("early_stopping: { metric: accuracy }", "early_stopping.metric: it has no meaning without"),
    ("early_stopping: { min_delta: 0.1 }", "early_stopping.min_delta: it has no meaning without"),
    ("early_stopping: { patience: 0 }", "early_stopping.patience: expected a whole number from 1"),
    ("early_stopping: { patience: 1, metric: acuracy }", "did you mean \"accuracy\"?"),
    ("{ early_stopping: { patience: 1 }, evaluate_every_epochs: 0 }", "it counts evaluations"),
  ])
  func aConfigurationThatIsWrongIsRefused(yaml: String, part: String) {
    let section = yaml.hasPrefix("{") ? yaml : "{ \(yaml) }"
    let error = #expect(throws: ConfigurationError.self) {
      try Configuration(
        yaml: "model: { kind: logistic }\ndata: { source: digits }\ntraining: \(section)",
        overrides: ["training.epochs=1"])
    }
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
  }
}
