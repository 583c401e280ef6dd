import Kernels

/// loss[r] = -log p[y], with p = softmax(logits[r]) and y = labels[r]; with smoothing s and class weights w
///
///     loss[r] = -(1 - s) w[y] log p[y] - s / classes · Σ w[c] log p[c]
///
/// computed with the row's maximum taken out. Shapes: logits [..., classes], labels [...] of int32, loss [...].
/// Backward, without smoothing and weights: dlogits[r][c] = dloss[r] (p[c] - [c = y]).
///
/// Two numbers a row are kept for backward, the maximum and the reciprocal of the sum of exponentials: the probabilities are computed
/// again from the logits, and the gradient may lie where the logits lay, so the operation adds no tensor of the logits' size.
///
/// Source of the smoothing: C. Szegedy et al., arXiv:1512.00567, section 7; smoothing and weights together as in PyTorch.
struct SoftmaxCrossEntropyOperation: Operation {
  let targets: ClassTargets

  var name: String { "softmaxCrossEntropy" }
  var inputTypes: [ElementType] { [.float32, .int32] }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let (logits, labels) = (inputs[0], inputs[1])
    guard logits.rank >= 2, Array(logits.extents.dropLast()) == labels.extents else {
      throw ShapeError("expected logits [..., classes] and labels [...], found \(logits) and \(labels)")
    }
    guard targets.smoothing >= 0, targets.smoothing <= 1 else {
      throw ShapeError("expected a smoothing in 0...1, found \(targets.smoothing)")
    }
    if let weights = targets.weights, weights.count != logits.columns {
      throw ShapeError("expected \(logits.columns) class weights, found \(weights.count)")
    }
    return labels
  }

  func savedCounts(_ inputs: [Shape]) -> [Int] { [SoftmaxCrossEntropy.statisticsPerRow * inputs[0].rows] }
  var backwardReads: BackwardReads { .inputs(0, 1) }
  var gradientOverInput: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let columns = context.shape(ofInput: 0).columns
    let (logits, labels) = (context.input(0), context.indices(1))
    let (statistics, losses) = (context.saved(0), context.output)
    context.pool.run(over: context.outputShape.count, grain: rowGrain(columns)) {
      SoftmaxCrossEntropy.losses(
        rows: $0.count, columns: columns, logits: logits + $0.lowerBound * columns,
        labels: labels + $0.lowerBound, targets: targets, into: losses + $0.lowerBound,
        statistics: statistics + $0.lowerBound * SoftmaxCrossEntropy.statisticsPerRow)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let columns = context.shape(ofInput: 0).columns
    let (logits, labels) = (context.input(0), context.indices(1))
    let (statistics, dlosses) = (context.saved(0), context.outputGradient)
    context.pool.run(over: context.outputShape.count, grain: rowGrain(columns)) {
      SoftmaxCrossEntropy.gradient(
        rows: $0.count, columns: columns, logits: logits + $0.lowerBound * columns,
        labels: labels + $0.lowerBound, targets: targets,
        statistics: statistics + $0.lowerBound * SoftmaxCrossEntropy.statisticsPerRow,
        dlosses: dlosses + $0.lowerBound, into: gradient.pointer + $0.lowerBound * columns,
        accumulate: gradient.accumulates)
    }
  }
}

/// Rows of one tile of a row-wise loop.
func rowGrain(_ columns: Int) -> Int { max(1, elementwiseGrain / columns) }

/// The cross entropy of each row's softmax with its label: the loss of a classifier.
///
/// The objective of a step is the plain mean over all labels: rows that are ignored count as 0 in the sum and as 1 in the number, and
/// weighted rows count as 1 in the number. So the gradient of a batch is the sum over its microbatches, whatever their labels are.
/// (PyTorch's `mean` divides by the sum of the labels' weights instead; its `none` gives these losses.)
///
/// - Parameters:
///   - logits: [..., classes].
///   - labels: [...], int32 in 0..<classes. Any other label but `ignored` gives a loss that is not a number.
///   - smoothing: the share, in 0...1, of each target that is spread evenly over all classes.
///   - ignored: rows with this label have loss 0 and no gradient.
///   - classWeights: one a class; a row counts with the weight of its label.
/// - Returns: [...], one loss a row.
public func softmaxCrossEntropy(
  _ logits: Tensor, labels: Tensor, smoothing: Float = 0, ignored: Int32? = nil, classWeights: [Float]? = nil
) -> Tensor {
  let targets = ClassTargets(smoothing: smoothing, weights: classWeights, ignored: ignored)
  return logits.trace.record(SoftmaxCrossEntropyOperation(targets: targets), logits, labels)
}
