/// A logged step, a line of `metrics.jsonl`.
struct StepMetrics: Codable {
  var step: Int
  var epoch: Double
  /// Mean loss over the samples since the line before.
  var loss: Double
  var learningRate: Double
  var samplesPerSecond: Double
  var wallSeconds: Double
}

/// An evaluation, a line of `metrics.jsonl`.
struct EvaluationMetrics: Codable {
  var step: Int
  var epoch: Double
  var evaluation: [String: Double]
  var wallSeconds: Double
}
