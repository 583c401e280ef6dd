import Graph

/// A traced model with its inputs, output and loss.
public struct Network {
  /// What a model is given, for a microbatch of samples.
  public struct Inputs {
    /// [microbatch, ...] of float32: columns of a table, pixels of images.
    public let numbers: Tensor?
    /// [microbatch, ...] of int32: tokens of a text, letters of a sequence, categories of a table.
    public let codes: Tensor?
    /// [microbatch] of int32: how many codes of each sample are no padding.
    public let lengths: Tensor?

    /// The numbers, or the codes where there are no numbers.
    public var features: Tensor {
      guard let first = numbers ?? codes else { preconditionFailure("Network: expected numbers or codes") }
      return first
    }
  }

  /// The shape of one sample.
  public struct SampleShape: Sendable, Equatable {
    public var numbers: Shape?
    public var codes: Shape?
    /// Whether codes are padded, so that the model is told their lengths.
    public var hasLengths: Bool

    public init(numbers: Shape? = nil, codes: Shape? = nil, hasLengths: Bool = false) {
      self.numbers = numbers
      self.codes = codes
      self.hasLengths = hasLengths
    }
  }

  public let task: Task
  public let lossFunction: Loss
  public let graph: Graph
  public let inputs: Inputs
  /// [microbatch] labels or [microbatch, positions] next tokens of int32, or [microbatch, outputs] values.
  public let target: Tensor
  /// [microbatch, outputs]: logits or predicted values; [microbatch, positions, vocabulary] of a language model.
  public let output: Tensor
  /// [microbatch] or, of a language model, [microbatch, positions]. The objective is the mean over all of them.
  public let loss: Tensor

  /// Numbers of the loss for each sample.
  public var lossesPerSample: Int { loss.shape.count / graph.microbatch }

  /// Traces `model` once over a microbatch.
  ///
  /// - Parameters:
  ///   - microbatch: samples of one forward and backward pass.
  ///   - sample: what the model is given.
  ///   - loss: nil for the task's usual one.
  ///   - forTraining: false for a network that is only evaluated: its executor has no gradients, and less memory for values.
  ///   - model: from the inputs to the output that `task` asks for.
  /// - Throws: the first `ShapeError` of the model, and one for a loss that does not fit the task.
  public init(
    microbatch: Int, sample: SampleShape, task: Task, loss lossFunction: Loss? = nil,
    forTraining: Bool = true, model: (Inputs) -> Tensor
  ) throws(ShapeError) {
    let lossFunction = lossFunction ?? .usual(for: task)
    guard lossFunction.fits(task) else {
      throw ShapeError("\(lossFunction) does not fit a \(task)", place: "loss")
    }
    self.lossFunction = lossFunction
    let trace = Trace(microbatch: microbatch)
    self.task = task
    inputs = Inputs(
      numbers: sample.numbers.map { trace.input("features", perSample: $0) },
      codes: sample.codes.map { trace.input("codes", perSample: $0, of: .int32) },
      lengths: sample.hasLengths ? trace.input("lengths", perSample: Shape([]), of: .int32) : nil)
    output = model(inputs)
    let expected: Shape
    switch task {
    case .classification(let classes):
      expected = [microbatch, classes]
      target = trace.input("labels", perSample: Shape([]), of: .int32)
    case .regression(let outputs):
      expected = [microbatch, outputs]
      target = trace.input("targets", perSample: [outputs])
    case .nextToken(let vocabulary):
      let positions = sample.codes ?? [1]
      expected = Shape([microbatch] + positions.extents + [vocabulary])
      target = trace.input("next tokens", perSample: positions, of: .int32)
    }
    loss = Self.loss(lossFunction, of: output, target: target)
    // Without a loss to differentiate, it is one more number to read.
    graph = try trace.finish(
      loss: forTraining ? loss : nil, outputs: forTraining ? [output] : [output, loss])
    guard output.shape == expected else {
      throw ShapeError("expected \(expected), found \(output.shape)", place: "output")
    }
  }

  /// As above, for a model of `featureCount` numbers a sample.
  ///
  /// - Parameter model: from features [microbatch, featureCount] to [microbatch, task.outputs].
  public init(
    microbatch: Int, featureCount: Int, task: Task, loss: Loss? = nil, model: (Tensor) -> Tensor
  ) throws(ShapeError) {
    let sample = SampleShape(numbers: [featureCount])
    try self.init(microbatch: microbatch, sample: sample, task: task, loss: loss) { inputs in
      guard let features = inputs.numbers else {
        preconditionFailure("Network: a model of numbers has numbers")
      }
      return model(features)
    }
  }

  /// The first of the inputs.
  public var features: Tensor { inputs.features }
}
