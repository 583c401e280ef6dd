import Foundation
import MPI
import NeuralNetwork

/// What evaluated samples add up to: counts and exact sums, so that the metrics of the whole set are the same bits over any number of ranks.
struct EvaluationTally {
  let task: NeuralNetwork.Task
  /// Regression: what distances of targets are measured from, their mean.
  private let center: Double
  /// Next tokens: whether the loss is the plain cross-entropy, of which the perplexity is made.
  private let hasPerplexity: Bool

  private(set) var samples: Int64 = 0
  /// Numbers that `loss` is the sum of: one a sample, or one a position.
  private var losses: Int64 = 0
  /// Next tokens that have the largest logit; for classes see `classes`.
  private var correct: Int64 = 0
  /// Classification: samples whose label is among the five largest logits.
  private var correctInTop: Int64 = 0
  private var loss = ExactSum()
  /// Classification: Σ -ln softmax(logits)[label].
  private var logLoss = ExactSum()
  /// Regression: Σ (x - t)², Σ |x - t| and Σ (t - center)² over all outputs.
  private var squaredError = ExactSum()
  private var absoluteError = ExactSum()
  private var squaredDistance = ExactSum()
  private var classes: ClassCounts?
  private var scores: ClassScores?

  /// - Parameter center: the mean of all targets, the same on all ranks.
  init(task: NeuralNetwork.Task, center: Double = 0, hasPerplexity: Bool = true) {
    self.task = task
    self.hasPerplexity = hasPerplexity
    self.center = center
    guard case .classification(let count) = task else { return }
    classes = ClassCounts(classes: count)
    if count <= ClassScores.mostClasses { scores = ClassScores(classes: count) }
  }

  /// Adds the first `count` samples of a microbatch.
  ///
  /// - Parameters:
  ///   - losses: of the whole microbatch, as `output` and `target` are.
  ///   - target: int32 labels or next tokens, or float32 values.
  mutating func add(
    _ count: Int, of microbatch: Int, losses: UnsafeBufferPointer<Float>,
    output: UnsafeBufferPointer<Float>, target: UnsafeRawPointer
  ) {
    let perSample = losses.count / microbatch
    samples += Int64(count)
    self.losses += Int64(count * perSample)
    for row in 0..<count * perSample { loss.add(Double(losses[row])) }
    switch task {
    case .classification(let classes):
      let labels = target.assumingMemoryBound(to: Int32.self)
      for row in 0..<count {
        let logits = UnsafeBufferPointer(rebasing: output[row * classes..<(row + 1) * classes])
        addClass(Int(labels[row]), logits)
      }
    case .nextToken(let vocabulary):
      let next = target.assumingMemoryBound(to: Int32.self)
      for row in 0..<count * perSample {
        let logits = UnsafeBufferPointer(rebasing: output[row * vocabulary..<(row + 1) * vocabulary])
        if Int(next[row]) == logits.indexOfMaximum { correct += 1 }
      }
    case .regression(let outputs):
      let values = target.assumingMemoryBound(to: Float.self)
      for i in 0..<count * outputs {
        let (error, distance) = (Double(output[i]) - Double(values[i]), Double(values[i]) - center)
        squaredError.add(error * error)
        absoluteError.add(abs(error))
        squaredDistance.add(distance * distance)
      }
    }
  }

  private mutating func addClass(_ label: Int, _ logits: UnsafeBufferPointer<Float>) {
    classes?.add(label: label, prediction: logits.indexOfMaximum)
    // Of equal logits the higher class comes first, as in scikit-learn's top_k_accuracy_score.
    let own = logits[label]
    var before = 0
    for (index, logit) in logits.enumerated() where logit > own || (logit == own && index > label) {
      before += 1
    }
    if before < Metric.topCount, !own.isNaN { correctInTop += 1 }
    let exponentials = ExponentialSum(logits)
    logLoss.add(-exponentials.logProbability(own))
    scores?.add(label: Int32(label), logits: logits, exponentials)
  }
}

extension EvaluationTally {
  /// What the samples of all ranks come to. Collective; the same bits on all ranks, for any division of the samples over them.
  func evaluation(classNames: [String]?, on world: borrowing Communicator) throws(MPIError) -> Evaluation {
    var whole = self
    try whole.reduce(on: world)
    guard whole.samples > 0 else { return Evaluation(samples: 0) }
    var evaluation = whole.evaluation
    guard let classes = whole.classes else { return evaluation }
    evaluation.classes = classNames
    evaluation.confusionMatrix = classes.confusionMatrix
    // Every rank comes to the same answer, so all take part or none.
    if let reason = MetricCheck.reasonAgainstAreas(classes.actual, classNames) {
      for metric in [Metric.rocAUC, .prAUC] { evaluation.leftOut[metric.rawValue] = reason }
    } else if let scores {
      let areas = try scores.areas(on: world)
      evaluation[.rocAUC] = areas.roc
      evaluation[.prAUC] = areas.precisionRecall
    }
    return evaluation
  }

  /// Metrics that need no scores, of at least one sample.
  private var evaluation: Evaluation {
    var evaluation = Evaluation(samples: Int(samples))
    evaluation[.loss] = loss.value / Double(losses)
    switch task {
    case .classification(let count):
      guard let classes else { break }
      evaluation[.logLoss] = logLoss.value / Double(samples)
      evaluation[.accuracy] = Double(classes.correctCount) / Double(samples)
      if count > Metric.topCount { evaluation[.top5Accuracy] = Double(correctInTop) / Double(samples) }
      let rates = classes.rates
      evaluation[.precision] = rates.precision
      evaluation[.recall] = rates.recall
      evaluation[.f1] = rates.f1
    case .nextToken:
      if hasPerplexity { evaluation[.perplexity] = exp(loss.value / Double(losses)) }
      evaluation[.accuracy] = Double(correct) / Double(losses)
    case .regression(let outputs):
      let numbers = Double(samples) * Double(outputs)
      evaluation[.mse] = squaredError.value / numbers
      evaluation[.mae] = absoluteError.value / numbers
      let distance = squaredDistance.value
      if distance > 0 {
        evaluation[.r2] = 1 - squaredError.value / distance
      } else {
        evaluation.leftOut[Metric.r2.rawValue] = MetricCheck.reasonAgainstR2
      }
    }
    return evaluation
  }

  /// Makes counts and sums those of all ranks; scores stay where they are.
  private mutating func reduce(on world: borrowing Communicator) throws(MPIError) {
    let sums = [loss, logLoss, squaredError, absoluteError, squaredDistance]
    var words = [samples, losses, correct, correctInTop] + sums.flatMap(\.words) + (classes?.words ?? [])
    var span = words.mutableSpan
    try world.allreduce(&span, .sum)
    (samples, losses, correct, correctInTop) = (words[0], words[1], words[2], words[3])
    func sum(_ index: Int) -> ExactSum {
      ExactSum(words: words[4 + index * ExactSum.wordCount..<4 + (index + 1) * ExactSum.wordCount])
    }
    (loss, logLoss, squaredError, absoluteError, squaredDistance) = (sum(0), sum(1), sum(2), sum(3), sum(4))
    if let count = classes?.classes {
      classes = ClassCounts(classes: count, words: words[(4 + sums.count * ExactSum.wordCount)...])
    }
  }
}

extension UnsafeBufferPointer<Float> {
  /// Of equal elements the first.
  var indexOfMaximum: Int {
    var best = 0
    for index in indices.dropFirst() where self[index] > self[best] { best = index }
    return best
  }
}
