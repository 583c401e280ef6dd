import BLAS
import Kernels

/// The largest element, or the mean, of each window: y[n, i, j, c] = max or mean of x[n, i·s + a - p, j·s + b - p, c] over a, b. Padding
/// does not count.
///
/// Shapes: x [samples, height, width, channels], y [samples, out height, out width, channels]; in one dimension without height.
/// Backward: dy goes to the window's first largest element (rows before columns), or in equal shares to all.
struct PoolingOperation: Operation {
  enum Kind: String {
    case max = "maxPool"
    case average = "averagePool"
  }

  let kind: Kind
  let window: SlidingWindow

  var name: String { kind.rawValue }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let smallest = window.axes == 1 ? window.size.width : min(window.size.height, window.size.width)
    if case .by(let zeros) = window.padding, zeros >= max(1, smallest) {
      throw ShapeError("expected a padding below the window's \(smallest), found \(zeros)")
    }
    return try window.outputShape(inputs[0], window.size, channels: inputs[0].columns)
  }

  var backwardReads: BackwardReads { kind == .max ? BackwardReads(inputs: [0], output: true) : .nothing }

  private func kernel(_ x: Shape) -> Pooling {
    Pooling(
      samples: x[0], height: window.height(x, window.size), width: window.width(x, window.size),
      channels: x.columns)
  }

  func forward(_ context: ForwardContext) {
    let shape = context.shape(ofInput: 0)
    let kernel = kernel(shape)
    let (x, y) = (context.input(0), context.output)
    let rows = context.outputShape[0] * (window.axes == 2 ? context.outputShape[1] : 1)
    let rowCount = max(1, shape.count / rows)  // input elements behind an output row
    context.pool.run(over: rows, grain: max(1, elementwiseGrain / rowCount)) {
      switch kind {
      case .max: kernel.max($0, x, into: y)
      case .average: kernel.average($0, x, into: y)
      }
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let shape = context.shape(ofInput: 0)
    let kernel = kernel(shape)
    let dy = context.outputGradient
    context.pool.run(over: shape[0], grain: max(1, elementwiseGrain / (shape.count / shape[0]))) {
      switch kind {
      case .max:
        kernel.maxGradient(
          $0, x: context.input(0), y: context.output, dy: dy, dx: gradient.pointer,
          accumulate: gradient.accumulates)
      case .average:
        kernel.averageGradient($0, dy: dy, dx: gradient.pointer, accumulate: gradient.accumulates)
      }
    }
  }
}

/// The mean over all positions: y[n, c] = Σ x[n, ..., c] / positions.
///
/// Shapes: x [samples, ..., channels], y [samples, channels]. Backward: dx[n, ..., c] = dy[n, c] / positions.
struct GlobalAveragePoolOperation: Operation {
  var name: String { "globalAveragePool" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 3 else {
      throw ShapeError("expected input [samples, positions..., channels], found \(inputs[0])")
    }
    return [inputs[0][0], inputs[0].columns]
  }

  var backwardReads: BackwardReads { .nothing }

  private func kernel(_ x: Shape) -> Pooling {
    let positions = x.rows / x[0]
    return Pooling(
      samples: x[0], height: .flat,
      width: .init(input: positions, output: 1, kernel: positions, stride: 1, dilation: 1, padding: 0),
      channels: x.columns)
  }

  func forward(_ context: ForwardContext) {
    let shape = context.shape(ofInput: 0)
    let kernel = kernel(shape)
    let (x, y) = (context.input(0), context.output)
    context.pool.run(over: shape[0], grain: max(1, elementwiseGrain / (shape.count / shape[0]))) {
      kernel.average($0, x, into: y)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let shape = context.shape(ofInput: 0)
    let kernel = kernel(shape)
    let dy = context.outputGradient
    context.pool.run(over: shape[0], grain: max(1, elementwiseGrain / (shape.count / shape[0]))) {
      kernel.averageGradient($0, dy: dy, dx: gradient.pointer, accumulate: gradient.accumulates)
    }
  }
}

/// The largest element of each window of images [samples, height, width, channels]; the stride is the window's size by default.
public func maxPool2D(
  _ x: Tensor, size: HeightAndWidth, stride: HeightAndWidth? = nil, padding: Padding = .none,
  name: String? = nil
) -> Tensor {
  let window = SlidingWindow(size: size, stride: stride ?? size, padding: padding, axes: 2)
  return x.trace.record(PoolingOperation(kind: .max, window: window), x, name: name)
}

/// The mean of each window of images [samples, height, width, channels]; the stride is the window's size by default.
public func averagePool2D(
  _ x: Tensor, size: HeightAndWidth, stride: HeightAndWidth? = nil, padding: Padding = .none,
  name: String? = nil
) -> Tensor {
  let window = SlidingWindow(size: size, stride: stride ?? size, padding: padding, axes: 2)
  return x.trace.record(PoolingOperation(kind: .average, window: window), x, name: name)
}

/// The largest element of each window of sequences [samples, time, channels]; the stride is the window's size by default.
public func maxPool1D(
  _ x: Tensor, size: Int, stride: Int? = nil, padding: Padding = .none, name: String? = nil
) -> Tensor {
  let window = SlidingWindow(
    size: HeightAndWidth(1, size), stride: HeightAndWidth(1, stride ?? size), padding: padding, axes: 1)
  return x.trace.record(PoolingOperation(kind: .max, window: window), x, name: name)
}

/// The mean of each window of sequences [samples, time, channels]; the stride is the window's size by default.
public func averagePool1D(
  _ x: Tensor, size: Int, stride: Int? = nil, padding: Padding = .none, name: String? = nil
) -> Tensor {
  let window = SlidingWindow(
    size: HeightAndWidth(1, size), stride: HeightAndWidth(1, stride ?? size), padding: padding, axes: 1)
  return x.trace.record(PoolingOperation(kind: .average, window: window), x, name: name)
}

/// The mean over all positions of [samples, ..., channels]: [samples, channels].
public func globalAveragePool(_ x: Tensor) -> Tensor { x.trace.record(GlobalAveragePoolOperation(), x) }
