import Kernels

/// y[s] = the mean of x[s][t] over t < lengths[s], or over all t without lengths.
///
/// Shapes: x [batch, time, width], lengths [batch] of int32 (a length outside 0...time counts as the nearest of them), y [batch, width].
/// Backward: dx[s][t] = dy[s] / lengths[s] where t < lengths[s], else 0. The mean of nothing is 0.
struct TimeMeanOperation: Operation {
  var name: String { "meanOverTime" }
  var inputTypes: [ElementType] { [.float32, .int32] }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let x = inputs[0]
    guard x.rank == 3 else { throw ShapeError("expected [batch, time, width], found \(x)") }
    if inputs.count == 2, inputs[1] != [x[0]] {
      throw ShapeError("expected lengths [\(x[0])], found \(inputs[1])")
    }
    return [x[0], x[2]]
  }

  var backwardReads: BackwardReads { .inputs(1) }

  func forward(_ context: ForwardContext) {
    let shape = context.shape(ofInput: 0)
    let (times, width) = (shape[1], shape[2])
    let lengths = context.hasInput(1) ? context.indices(1) : nil
    let (x, y) = (context.input(0), context.output)
    context.pool.run(over: shape[0], grain: rowGrain(times * width)) { range in
      TimeMean.mean(
        samples: range.count, times: times, width: width, x: x + range.lowerBound * times * width,
        lengths: lengths.map { $0 + range.lowerBound }, into: y + range.lowerBound * width)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let shape = context.shape(ofInput: 0)
    let (times, width) = (shape[1], shape[2])
    let lengths = context.hasInput(1) ? context.indices(1) : nil
    let dy = context.outputGradient
    context.pool.run(over: shape[0], grain: rowGrain(times * width)) { range in
      TimeMean.gradient(
        samples: range.count, times: times, width: width, dy: dy + range.lowerBound * width,
        lengths: lengths.map { $0 + range.lowerBound },
        into: gradient.pointer + range.lowerBound * times * width, accumulate: gradient.accumulates)
    }
  }
}

/// The mean of each sequence over its positions.
///
/// - Parameters:
///   - x: [batch, time, width].
///   - lengths: [batch], int32: positions of a sample that are not padding.
/// - Returns: [batch, width].
public func meanOverTime(_ x: Tensor, lengths: Tensor? = nil) -> Tensor {
  x.trace.record(TimeMeanOperation(), [x] + (lengths.map { [$0] } ?? []))
}
