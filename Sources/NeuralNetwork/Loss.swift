/// What training makes small: how an output is compared with its target. One number a sample, or one a position of a text.
///
/// The losses of yes-or-no questions ask one of two classes: whether it is the second, with the difference of the two outputs as logit,
/// whose sigmoid is the softmax's probability of that class. Of more classes they ask one question a class (*one against the rest*), each
/// with its own output as logit, and take the mean over the classes.
public enum Loss: Sendable, Equatable {
  /// Softmax cross-entropy, for classes and next tokens; see `softmaxCrossEntropy`.
  ///
  /// - Parameters:
  ///   - smoothing: the share of a target that is spread over all classes.
  ///   - classWeights: how much a sample counts, by its class; nil: all alike.
  case crossEntropy(smoothing: Float = 0, classWeights: [Float]? = nil)
  /// For classes; see `binaryCrossEntropy`. Of two classes it is the cross-entropy.
  case binaryCrossEntropy
  /// For classes; see `focalLoss`. `alpha` is the weight of the second of two classes, and else of a sample's own class.
  case focal(alpha: Float = 0.25, gamma: Float = 2)
  /// For values; see `meanSquaredError`.
  case squaredError
  /// For values; see `meanAbsoluteError`.
  case absoluteError
  /// For values; see `huberLoss`.
  case huber(delta: Float = 1)

  /// That of a task for which none is asked for.
  public static func usual(for task: Task) -> Loss {
    switch task {
    case .classification, .nextToken: .crossEntropy()
    case .regression: .squaredError
    }
  }

  /// Whether an output and a target of a task can be compared so.
  public func fits(_ task: Task) -> Bool {
    switch (self, task) {
    case (.crossEntropy, .classification), (.crossEntropy, .nextToken): true
    case (.binaryCrossEntropy, .classification), (.focal, .classification): true
    case (.squaredError, .regression), (.absoluteError, .regression), (.huber, .regression): true
    default: false
    }
  }
}
