/// What a run knows of its own course besides the weights: with them it goes on as if it had not been interrupted.
///
/// The same on all ranks but for times and bytes, which are rank 0's where it has outlived the interruption.
struct TrainingProgress: Codable, Equatable, Sendable {
  /// Steps done.
  var step = 0
  /// Σ of the mean losses of steps that were not skipped, steps and seconds since the last line of metrics.
  var lossSinceLine = 0.0
  var stepsSinceLine = 0
  var secondsSinceLine = 0.0
  /// The same for the epoch.
  var lossInEpoch = 0.0
  var stepsInEpoch = 0
  /// Of these steps those that were skipped; nil in checkpoints that were written before they were counted.
  private var skippedSinceLine: Int? = 0
  private var skippedInEpoch: Int? = 0
  /// Mean loss of the last epoch that ended and had a step that was not skipped.
  private(set) var trainLoss = 0.0
  /// Steps that changed nothing since a gradient was not finite, in all and in a row up to now.
  var skippedSteps = 0
  var skippedInARow = 0
  /// The step after which the last evaluation was.
  var evaluatedStep = -1
  /// What early stopping knows: the best value, its step, and the evaluations since.
  var bestStep = -1
  var bestMetric = 0.0
  var evaluationsSinceBest = 0
  /// What is known of the best checkpoint.
  private(set) var keptStep = -1
  private(set) var keptMetric = 0.0
  /// The metric by which it is the best: values of two metrics say nothing of each other. Nil in checkpoints that were written before it was noted.
  private(set) var keptBy: Metric?
  /// Totals over all lives of the run.
  var trainingSeconds = 0.0
  var wallSeconds = 0.0
  var bytesSent = 0
  var communicationSeconds = 0.0
  var exposedSeconds = 0.0

  /// What another run found best: its metric may have been another one, and the checkpoint lies there.
  mutating func forgetBest() {
    (bestStep, bestMetric, evaluationsSinceBest) = (-1, 0, 0)
    forgetKept()
  }

  /// The checkpoint of the step just done is the best one.
  mutating func keep(by metric: Metric, _ value: Double, step: Int) {
    (keptStep, keptMetric, keptBy) = (step, value, metric)
  }

  mutating func forgetKept() { (keptStep, keptMetric, keptBy) = (-1, 0, nil) }

  /// Takes a step in, before its update.
  mutating func add(loss: Double, isSkipped: Bool) {
    step += 1
    stepsSinceLine += 1
    stepsInEpoch += 1
    guard isSkipped else {
      lossSinceLine += loss
      lossInEpoch += loss
      skippedInARow = 0
      return
    }
    skippedSteps += 1
    skippedInARow += 1
    skippedSinceLine = (skippedSinceLine ?? 0) + 1
    skippedInEpoch = (skippedInEpoch ?? 0) + 1
  }

  /// Mean loss of the steps since the last line of metrics; nil if all were skipped.
  var meanLossSinceLine: Double? {
    let count = stepsSinceLine - (skippedSinceLine ?? 0)
    return count > 0 ? lossSinceLine / Double(count) : nil
  }

  /// Begins the sums of another line of metrics.
  mutating func beginLine() {
    (lossSinceLine, stepsSinceLine, skippedSinceLine, secondsSinceLine) = (0, 0, 0, 0)
  }

  /// Begins the sums of another epoch, or of the next part of one.
  mutating func beginEpoch() {
    let count = stepsInEpoch - (skippedInEpoch ?? 0)
    if count > 0 { trainLoss = lossInEpoch / Double(count) }
    (lossInEpoch, stepsInEpoch, skippedInEpoch) = (0, 0, 0)
  }

  static let wordCount = 23

  /// Words, first of all the step.
  func write(to words: UnsafeMutablePointer<Int64>) {
    func bits(_ number: Double) -> Int64 { Int64(bitPattern: number.bitPattern) }
    words[0] = Int64(step)
    words[1] = bits(lossSinceLine)
    words[2] = Int64(stepsSinceLine)
    words[3] = bits(secondsSinceLine)
    words[4] = bits(lossInEpoch)
    words[5] = Int64(stepsInEpoch)
    words[6] = bits(trainLoss)
    words[7] = Int64(skippedSteps)
    words[8] = Int64(skippedInARow)
    words[9] = Int64(evaluatedStep)
    words[10] = Int64(bestStep)
    words[11] = bits(bestMetric)
    words[12] = Int64(evaluationsSinceBest)
    words[13] = bits(trainingSeconds)
    words[14] = bits(wallSeconds)
    words[15] = Int64(bytesSent)
    words[16] = bits(communicationSeconds)
    words[17] = bits(exposedSeconds)
    words[18] = Int64(keptStep)
    words[19] = bits(keptMetric)
    words[20] = Int64(skippedSinceLine ?? 0)
    words[21] = Int64(skippedInEpoch ?? 0)
    words[22] = Int64(keptBy.flatMap(Metric.allCases.firstIndex) ?? -1)
  }

  init() {}

  init(words: UnsafePointer<Int64>) {
    func number(_ word: Int64) -> Double { Double(bitPattern: UInt64(bitPattern: word)) }
    step = Int(words[0])
    lossSinceLine = number(words[1])
    stepsSinceLine = Int(words[2])
    secondsSinceLine = number(words[3])
    lossInEpoch = number(words[4])
    stepsInEpoch = Int(words[5])
    trainLoss = number(words[6])
    skippedSteps = Int(words[7])
    skippedInARow = Int(words[8])
    evaluatedStep = Int(words[9])
    bestStep = Int(words[10])
    bestMetric = number(words[11])
    evaluationsSinceBest = Int(words[12])
    trainingSeconds = number(words[13])
    wallSeconds = number(words[14])
    bytesSent = Int(words[15])
    communicationSeconds = number(words[16])
    exposedSeconds = number(words[17])
    keptStep = Int(words[18])
    keptMetric = number(words[19])
    skippedSinceLine = Int(words[20])
    skippedInEpoch = Int(words[21])
    keptBy = words[22] >= 0 ? Metric.allCases[Int(words[22])] : nil
  }
}
