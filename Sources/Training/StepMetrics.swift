/// A logged step, a line of `metrics.jsonl`.
struct StepMetrics: Codable {
  var step: Int
  var epoch: Double
  /// Mean loss over the samples since the line before, without those of skipped steps; `null` in the line if all were skipped.
  var loss: Double?
  var learningRate: Double
  var samplesPerSecond: Double
  var wallSeconds: Double

  private enum CodingKeys: String, CodingKey {
    case step, epoch, loss, learningRate, samplesPerSecond, wallSeconds
  }

  /// With `loss` in every line.
  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(step, forKey: .step)
    try values.encode(epoch, forKey: .epoch)
    try values.encode(loss, forKey: .loss)
    try values.encode(learningRate, forKey: .learningRate)
    try values.encode(samplesPerSecond, forKey: .samplesPerSecond)
    try values.encode(wallSeconds, forKey: .wallSeconds)
  }
}

/// An evaluation, a line of `metrics.jsonl`.
struct EvaluationMetrics: Codable {
  var step: Int
  var epoch: Double
  var evaluation: [String: Double]
  var wallSeconds: Double
}
