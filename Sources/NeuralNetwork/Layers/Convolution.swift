import Graph
import Kernels

/// y = f(x ∗ W + b): a convolution over images, channels last.
///
///     let features = Conv2D("stem", 16, kernel: 3, activation: .relu)(images)
///
/// Shapes: x [samples, height, width, in], y [samples, out height, out width, channels]. Parameters: `NAME.weight` [kernel height,
/// kernel width, in / groups, channels], `NAME.bias` [channels] of zeros.
/// Initialisation of the weight, unless given: He's for relu and its kin, Glorot's for the others.
public struct Conv2D: Layer {
  public var name: String
  public var channels: Int
  public var kernel: HeightAndWidth
  public var stride: HeightAndWidth
  public var padding: Padding
  public var dilation: HeightAndWidth
  public var groups: Int
  public var activation: Activation
  public var hasBias: Bool
  public var initializer: Initializer

  public init(
    _ name: String, _ channels: Int, kernel: HeightAndWidth, stride: HeightAndWidth = 1,
    padding: Padding = .same,
    dilation: HeightAndWidth = 1, groups: Int = 1, activation: Activation = .identity, bias: Bool = true,
    initializer: Initializer? = nil
  ) {
    self.name = name
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    self.activation = activation
    hasBias = bias
    self.initializer = initializer ?? .forWeights(before: activation)
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let trace = x.trace
    guard channels >= 1, groups >= 1, x.shape.columns % groups == 0, kernel.height >= 1, kernel.width >= 1
    else {
      return trace.fail(
        ShapeError(
          "expected channels, groups and a kernel of at least 1, with groups that divide the input's channels; found "
            + "\(channels) channels, \(groups) groups, kernel \(kernel.height)x\(kernel.width), input \(x.shape)",
          place: "convolution \"\(name)\""))
    }
    let weight = trace.parameter(
      "\(name).weight", [kernel.height, kernel.width, x.shape.columns / groups, channels], initializer)
    let bias = hasBias ? trace.parameter("\(name).bias", [channels], .zeros) : nil
    return convolution2D(
      x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups,
      activation: activation, name: name)
  }
}

/// y = f(x ∗ W + b): a convolution over sequences or signals.
///
/// Shapes: x [samples, time, in], y [samples, out time, channels]. Parameters: `NAME.weight` [kernel, in / groups, channels],
/// `NAME.bias` [channels] of zeros. Initialised as `Conv2D`.
public struct Conv1D: Layer {
  public var name: String
  public var channels: Int
  public var kernel: Int
  public var stride: Int
  public var padding: Padding
  public var dilation: Int
  public var groups: Int
  public var activation: Activation
  public var hasBias: Bool
  public var initializer: Initializer

  public init(
    _ name: String, _ channels: Int, kernel: Int, stride: Int = 1, padding: Padding = .same,
    dilation: Int = 1,
    groups: Int = 1, activation: Activation = .identity, bias: Bool = true, initializer: Initializer? = nil
  ) {
    self.name = name
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    self.activation = activation
    hasBias = bias
    self.initializer = initializer ?? .forWeights(before: activation)
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let trace = x.trace
    guard channels >= 1, kernel >= 1, groups >= 1, x.shape.columns % groups == 0 else {
      return trace.fail(
        ShapeError(
          "expected channels, groups and a kernel of at least 1, with groups that divide the input's channels; found "
            + "\(channels) channels, \(groups) groups, kernel \(kernel), input \(x.shape)",
          place: "convolution \"\(name)\""))
    }
    let weight = trace.parameter("\(name).weight", [kernel, x.shape.columns / groups, channels], initializer)
    let bias = hasBias ? trace.parameter("\(name).bias", [channels], .zeros) : nil
    return convolution1D(
      x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups,
      activation: activation, name: name)
  }
}

extension Initializer {
  /// He's for relu and its kin, Glorot's for the others.
  static func forWeights(before activation: Activation) -> Initializer {
    switch activation {
    case .relu, .leakyRelu, .gelu, .silu: .heNormal
    case .identity, .tanh, .sigmoid: .glorotUniform
    }
  }
}
