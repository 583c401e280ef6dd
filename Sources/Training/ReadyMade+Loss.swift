import Datasets
import NeuralNetwork

extension ReadyMade {
  /// - Parameter data: the training part.
  static func loss(
    _ description: Configuration.Loss, _ task: NeuralNetwork.Task, _ data: Dataset
  ) -> NeuralNetwork.Loss {
    switch description.kind {
    case .auto where task.isRegression: .squaredError
    case .auto, .crossEntropy:
      .crossEntropy(
        smoothing: Float(description.labelSmoothing), classWeights: weights(description.classWeights, data))
    case .focal: .focal(alpha: Float(description.alpha), gamma: Float(description.gamma))
    case .binaryCrossEntropy: .binaryCrossEntropy
    case .squaredError: .squaredError
    case .absoluteError: .absoluteError
    case .huber: .huber(delta: Float(description.delta))
    }
  }

  private static func weights(_ weights: Configuration.Loss.ClassWeights?, _ data: Dataset) -> [Float]? {
    switch weights {
    case nil: return nil
    case .each(let list): return list.map { Float($0) }
    case .balanced:
      guard case .classes(let classes, let names) = data.labels else { return nil }
      var counts = [Int](repeating: 0, count: names.count)
      for label in classes { counts[Int(label)] += 1 }
      return counts.map { Float(Double(classes.count) / Double(names.count * max(1, $0))) }
    }
  }
}

extension NeuralNetwork.Task {
  fileprivate var isRegression: Bool {
    if case .regression = self { true } else { false }
  }
}
