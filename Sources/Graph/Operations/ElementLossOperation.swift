import Kernels

/// loss[s] = Σ f(x[s][i], target[s][i]) / elements of a sample.
///
/// Shapes: x and target [samples, ...], loss [samples]. Backward: dx[s][i] = dloss[s] · ∂f/∂x / elements of a sample, and likewise for
/// the target where someone wants its gradient.
struct ElementLossOperation: Operation {
  let loss: ElementLoss

  var name: String {
    switch loss {
    case .squaredError: "meanSquaredError"
    case .absoluteError: "meanAbsoluteError"
    case .huber: "huberLoss"
    case .binaryCrossEntropy: "binaryCrossEntropy"
    case .focal: "focalLoss"
    }
  }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0] == inputs[1], inputs[0].rank >= 1 else {
      throw ShapeError("expected equal shapes [samples, ...], found \(inputs[0]) and \(inputs[1])")
    }
    switch loss {
    case .squaredError, .absoluteError: break
    case .huber(let delta):
      guard delta > 0 else { throw ShapeError("expected a positive delta, found \(delta)") }
    case .binaryCrossEntropy(let weight):
      guard weight >= 0 else { throw ShapeError("expected a positive weight, found \(weight)") }
    case .focal(let alpha, let gamma):
      guard alpha >= 0, alpha <= 1, gamma >= 0 else {
        throw ShapeError("expected alpha in 0...1 and gamma of at least 0, found \(alpha) and \(gamma)")
      }
    }
    return [inputs[0][0]]
  }

  var backwardReads: BackwardReads { .inputs(0, 1) }
  var gradientOverInput: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let columns = context.shape(ofInput: 0).count / context.outputShape.count
    let (x, target, losses) = (context.input(0), context.input(1), context.output)
    context.pool.run(over: context.outputShape.count, grain: rowGrain(columns)) {
      let corner = $0.lowerBound * columns
      loss.means(
        rows: $0.count, columns: columns, x: x + corner, target: target + corner,
        into: losses + $0.lowerBound)
    }
  }

  func backward(_ context: BackwardContext) {
    let (prediction, target) = (context.inputGradient(0), context.inputGradient(1))
    // Where the gradient takes the place of x, the target's is computed while x is still there.
    let replaces = prediction.map { UnsafePointer($0.pointer) } == context.input(0)
    if replaces, let target { differentiate(by: .target, context, into: target) }
    if let prediction { differentiate(by: .prediction, context, into: prediction) }
    if !replaces, let target { differentiate(by: .target, context, into: target) }
  }

  private func differentiate(
    by argument: ElementLoss.Argument, _ context: BackwardContext, into gradient: BackwardContext.Gradient
  ) {
    let columns = context.shape(ofInput: 0).count / context.outputShape.count
    let (x, target, dlosses) = (context.input(0), context.input(1), context.outputGradient)
    context.pool.run(over: context.outputShape.count, grain: rowGrain(columns)) {
      let corner = $0.lowerBound * columns
      loss.gradient(
        by: argument, rows: $0.count, columns: columns, x: x + corner, target: target + corner,
        dlosses: dlosses + $0.lowerBound, into: gradient.pointer + corner, accumulate: gradient.accumulates)
    }
  }
}

/// (x - target)², averaged over the elements of each sample: the loss of a regressor.
///
/// - Parameters:
///   - x: [samples, ...].
///   - target: like `x`.
/// - Returns: [samples], one loss a sample.
public func meanSquaredError(_ x: Tensor, target: Tensor) -> Tensor {
  x.trace.record(ElementLossOperation(loss: .squaredError), x, target)
}

/// |x - target|, averaged over the elements of each sample. Where they are equal the gradient is 0.
///
/// - Parameters:
///   - x: [samples, ...].
///   - target: like `x`.
/// - Returns: [samples], one loss a sample.
public func meanAbsoluteError(_ x: Tensor, target: Tensor) -> Tensor {
  x.trace.record(ElementLossOperation(loss: .absoluteError), x, target)
}

/// With e = |x - target|: e² / 2 up to e = delta and delta (e - delta / 2) beyond, averaged over the elements of each sample: outliers
/// pull with a force that does not grow. Source: P. J. Huber, Annals of Mathematical Statistics 35, 1964.
///
/// - Parameters:
///   - x: [samples, ...].
///   - target: like `x`.
/// - Returns: [samples], one loss a sample.
public func huberLoss(_ x: Tensor, target: Tensor, delta: Float = 1) -> Tensor {
  x.trace.record(ElementLossOperation(loss: .huber(delta: delta)), x, target)
}

/// -w t log σ(x) - (1 - t) log(1 - σ(x)), averaged over the elements of each sample: the loss of yes-or-no questions, one a logit.
/// Computed from softplus, so that large logits neither overflow nor lose digits.
///
/// - Parameters:
///   - logits: [samples, ...].
///   - target: like `logits`, float32 in 0...1.
///   - positiveWeight: w; above 1 where positives are rare.
/// - Returns: [samples], one loss a sample.
public func binaryCrossEntropy(_ logits: Tensor, target: Tensor, positiveWeight: Float = 1) -> Tensor {
  let loss = ElementLoss.binaryCrossEntropy(positiveWeight: positiveWeight)
  return logits.trace.record(ElementLossOperation(loss: loss), logits, target)
}

/// -α t (1 - p)^γ log p - (1 - α) (1 - t) p^γ log(1 - p) with p = σ(x), averaged over the elements of each sample: binary
/// cross-entropy in which elements that are classified well count little. For targets in 0 < t < 1 it is the mean over a target drawn
/// with probability t. Source: T.-Y. Lin et al., arXiv:1708.02002, equation 5.
///
/// - Parameters:
///   - logits: [samples, ...].
///   - target: like `logits`, float32 in 0...1.
///   - alpha: α, the weight of positives, in 0...1; negatives have 1 - α.
///   - gamma: γ, at least 0; with 0 it is the weighted cross-entropy.
/// - Returns: [samples], one loss a sample.
public func focalLoss(_ logits: Tensor, target: Tensor, alpha: Float = 0.25, gamma: Float = 2) -> Tensor {
  let loss = ElementLoss.focal(alpha: alpha, gamma: gamma)
  return logits.trace.record(ElementLossOperation(loss: loss), logits, target)
}
