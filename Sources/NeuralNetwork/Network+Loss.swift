import Graph

extension Network {
  /// - Parameters:
  ///   - output: [samples, outputs], or [samples, positions, vocabulary].
  ///   - target: [samples] or [samples, positions] of int32, or [samples, outputs].
  /// - Returns: one loss a sample, or one a position.
  static func loss(_ function: Loss, of output: Tensor, target: Tensor) -> Tensor {
    switch function {
    case .crossEntropy(let smoothing, let classWeights):
      return softmaxCrossEntropy(output, labels: target, smoothing: smoothing, classWeights: classWeights)
    case .binaryCrossEntropy:
      let (logits, answers) = questions(output, labels: target)
      return binaryCrossEntropy(logits, target: answers)
    case .focal(let alpha, let gamma):
      let (logits, answers) = questions(output, labels: target)
      return focalLoss(logits, target: answers, alpha: alpha, gamma: gamma)
    case .squaredError: return meanSquaredError(output, target: target)
    case .absoluteError: return meanAbsoluteError(output, target: target)
    case .huber(let delta): return huberLoss(output, target: target, delta: delta)
    }
  }

  /// The logits of yes-or-no questions and their answers, 0 or 1.
  private static func questions(_ output: Tensor, labels: Tensor) -> (logits: Tensor, answers: Tensor) {
    let classes = output.shape.columns
    let answers = oneHot(labels, classes: classes)
    guard classes == 2 else { return (output, answers) }
    let logit = output.sliced(1..<2, axis: 1) - output.sliced(0..<1, axis: 1)
    return (logit, answers.sliced(1..<2, axis: 1))
  }
}
