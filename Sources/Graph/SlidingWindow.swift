import Kernels

/// Zeros around an image, or what a window does at its edges.
public enum Padding: Sendable, Equatable {
  /// The window stays inside.
  case none
  /// So much that there is an output for every `stride` inputs; the odd one at the end.
  case same
  /// So many on each side.
  case by(Int)
}

/// Two numbers, one for each axis of an image. A literal stands for both.
public struct HeightAndWidth: Sendable, Equatable, ExpressibleByIntegerLiteral {
  public var height: Int
  public var width: Int

  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  public init(integerLiteral both: Int) { self.init(both, both) }
}

/// How a window slides over the axes of an image or a sequence.
struct SlidingWindow: Sendable {
  /// Of pooling; a convolution's is that of its weights.
  var size: HeightAndWidth = 1
  var stride: HeightAndWidth
  var dilation: HeightAndWidth = 1
  var padding: Padding
  /// 2 for images [samples, height, width, channels], 1 for sequences [samples, time, channels].
  var axes: Int

  /// Of input [samples, ..., channels], for a kernel of `size`.
  func height(_ input: Shape, _ size: HeightAndWidth) -> Convolution.Axis {
    axes == 1 ? .flat : axis(input[1], size.height, stride.height, dilation.height)
  }

  func width(_ input: Shape, _ size: HeightAndWidth) -> Convolution.Axis {
    axis(input[axes], size.width, stride.width, dilation.width)
  }

  private func axis(_ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> Convolution.Axis {
    let reach = (kernel - 1) * dilation + 1
    let before: Int
    let output: Int
    switch padding {
    case .none: (before, output) = (0, (input - reach) / stride + 1)
    case .by(let zeros): (before, output) = (zeros, (input + 2 * zeros - reach) / stride + 1)
    case .same:
      output = (input + stride - 1) / stride
      before = max(0, (output - 1) * stride + reach - input) / 2
    }
    return .init(
      input: input, output: output, kernel: kernel, stride: stride, dilation: dilation, padding: before)
  }

  /// Checks that the window fits an input [samples, ..., channels] and returns the output's shape.
  func outputShape(_ input: Shape, _ size: HeightAndWidth, channels: Int) throws(ShapeError) -> Shape {
    guard input.rank == axes + 2 else {
      let expected = axes == 2 ? "[samples, height, width, channels]" : "[samples, time, channels]"
      throw ShapeError("expected input \(expected), found \(input)")
    }
    let numbers = [size, stride, dilation].flatMap { [$0.height, $0.width] }
    if let wrong = numbers.first(where: { $0 < 1 }) {
      throw ShapeError("expected a window, stride and dilation of at least 1, found \(wrong)")
    }
    if case .by(let zeros) = padding, zeros < 0 {
      throw ShapeError("expected a padding of at least 0, found \(zeros)")
    }
    for (extent, kernel, dilation) in [
      (input[axes], size.width, dilation.width), (input[1], size.height, dilation.height),
    ]
    .prefix(axes) {
      let reach = (kernel - 1) * dilation + 1
      let zeros: Int
      switch padding {
      case .none: zeros = 0
      case .by(let each): zeros = 2 * each
      case .same: zeros = reach
      }
      guard extent + zeros >= reach else {
        throw ShapeError("expected an extent of at least \(reach - zeros) for the window, found \(input)")
      }
    }
    let width = width(input, size).output
    return axes == 2
      ? [input[0], height(input, size).output, width, channels] : [input[0], width, channels]
  }
}
