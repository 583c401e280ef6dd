import Graph

/// What a network predicts, which decides its loss.
public enum Task: Sendable, Equatable {
  /// One of so many classes; softmax cross-entropy.
  case classification(classes: Int)
  /// So many numbers; mean squared error.
  case regression(outputs: Int)

  /// Columns of the network's output.
  public var outputs: Int {
    switch self {
    case .classification(let classes): classes
    case .regression(let outputs): outputs
    }
  }
}

/// A traced model with its inputs, output and loss.
public struct Network {
  public let task: Task
  public let graph: Graph
  /// [microbatch, features]
  public let features: Tensor
  /// [microbatch] labels of int32, or [microbatch, outputs] values.
  public let target: Tensor
  /// [microbatch, outputs]: logits or predicted values.
  public let output: Tensor
  /// [microbatch]: one loss a sample.
  public let loss: Tensor

  /// Traces `model` once over a microbatch.
  ///
  /// - Parameters:
  ///   - microbatch: samples of one forward and backward pass.
  ///   - featureCount: columns of the features.
  ///   - model: from features [microbatch, featureCount] to [microbatch, task.outputs].
  /// - Throws: the first `ShapeError` of the model.
  public init(
    microbatch: Int, featureCount: Int, task: Task, model: (Tensor) -> Tensor
  ) throws(ShapeError) {
    let trace = Trace(microbatch: microbatch)
    self.task = task
    features = trace.input("features", perSample: [featureCount])
    output = model(features)
    switch task {
    case .classification:
      target = trace.input("labels", perSample: Shape([]), of: .int32)
      loss = softmaxCrossEntropy(output, labels: target)
    case .regression(let outputs):
      target = trace.input("targets", perSample: [outputs])
      loss = meanSquaredError(output, target: target)
    }
    graph = try trace.finish(loss: loss, outputs: [output])
    guard output.shape == [microbatch, task.outputs] else {
      let expected: Shape = [microbatch, task.outputs]
      throw ShapeError("expected \(expected), found \(output.shape)", place: "output")
    }
  }
}
