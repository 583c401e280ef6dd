import Kernels

/// Inverted dropout: in training each element is 0 with probability p, else x / (1 - p); in evaluation y = x.
///
/// The draws come from Philox keyed by the seed, with the step, the operation and the element's place in the global batch as
/// counter: the same on any number of ranks and threads. Backward draws them again; no mask is kept.
/// Source: N. Srivastava et al., JMLR 15, 2014.
struct DropoutOperation: Operation {
  let probability: Float

  var name: String { "dropout" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard probability >= 0, probability < 1 else {
      throw ShapeError("expected a probability in 0..<1, found \(probability)")
    }
    return inputs[0]
  }

  var backwardReads: BackwardReads { .nothing }
  var forwardInPlace: Int? { 0 }
  var gradientInPlace: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let (x, y) = (context.input(0), context.output)
    let draws = context.isTraining
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) { range in
      let first = range.lowerBound
      if draws {
        drop(range, context.stream, x, y)
      } else if x != y {
        (y + first).update(from: x + first, count: range.count)
      }
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let dy = context.outputGradient
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) { range in
      drop(range, context.stream, dy, gradient.accumulates ? dy : gradient.pointer)
      if gradient.accumulates {
        Elementwise.add(range.count, to: gradient.pointer + range.lowerBound, dy + range.lowerBound)
      }
    }
  }

  private func drop(
    _ range: Range<Int>, _ stream: RandomStream, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    Elementwise.dropout(
      range.count, first: stream.firstElement + range.lowerBound, probability: probability, key: stream.key,
      major: stream.major, minor: stream.minor, x + range.lowerBound, into: y + range.lowerBound)
  }
}

/// Sets each element to 0 with the given probability while training, and scales the others so that the mean stays.
public func dropout(_ x: Tensor, probability: Float) -> Tensor {
  x.trace.record(DropoutOperation(probability: probability), x)
}
