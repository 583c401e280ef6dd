import Kernels

/// loss[r] = -log softmax(logits[r])[label[r]], computed with the row's maximum taken out.
///
/// Shapes: logits [..., classes], labels [...] of int32, loss [...].
/// Backward: dlogits[r] = dloss[r] (softmax(logits[r]) - onehot(label[r])).
struct SoftmaxCrossEntropyOperation: Operation {
  var name: String { "softmaxCrossEntropy" }
  var inputTypes: [ElementType] { [.float32, .int32] }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let (logits, labels) = (inputs[0], inputs[1])
    guard logits.rank >= 2, Array(logits.extents.dropLast()) == labels.extents else {
      throw ShapeError("expected logits [..., classes] and labels [...], found \(logits) and \(labels)")
    }
    return labels
  }

  func savedCounts(_ inputs: [Shape]) -> [Int] { [inputs[0].count] }
  var backwardReads: BackwardReads { .inputs(1) }

  func forward(_ context: ForwardContext) {
    let columns = context.shape(ofInput: 0).columns
    let (logits, labels) = (context.input(0), context.indices(1))
    let (probabilities, losses) = (context.saved(0), context.output)
    context.pool.run(over: context.outputShape.count, grain: rowGrain(columns)) {
      RowLoss.softmaxCrossEntropy(
        rows: $0.count, columns: columns, logits: logits + $0.lowerBound * columns,
        labels: labels + $0.lowerBound, probabilities: probabilities + $0.lowerBound * columns,
        losses: losses + $0.lowerBound)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let columns = context.shape(ofInput: 0).columns
    let (labels, probabilities) = (context.indices(1), context.saved(0))
    let dlosses = context.outputGradient
    context.pool.run(over: context.outputShape.count, grain: rowGrain(columns)) {
      RowLoss.softmaxCrossEntropyGradient(
        rows: $0.count, columns: columns, probabilities: probabilities + $0.lowerBound * columns,
        labels: labels + $0.lowerBound, dlosses: dlosses + $0.lowerBound,
        into: gradient.pointer + $0.lowerBound * columns, accumulate: gradient.accumulates)
    }
  }
}

/// Rows of one tile of a row-wise loop.
func rowGrain(_ columns: Int) -> Int { max(1, elementwiseGrain / columns) }

/// The cross entropy of each row's softmax with its label: the loss of a classifier.
///
/// - Parameters:
///   - logits: [..., classes].
///   - labels: [...], int32 in 0..<classes. A label outside gives a loss that is not a number.
/// - Returns: [...], one loss a row.
public func softmaxCrossEntropy(_ logits: Tensor, labels: Tensor) -> Tensor {
  logits.trace.record(SoftmaxCrossEntropyOperation(), logits, labels)
}
