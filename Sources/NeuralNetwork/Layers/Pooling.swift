import Graph

/// The largest element of each window of images [samples, height, width, channels]. The stride is the window's size by default.
public struct MaxPool2D: Layer {
  public var size: HeightAndWidth
  public var stride: HeightAndWidth
  public var padding: Padding

  public init(_ size: HeightAndWidth, stride: HeightAndWidth? = nil, padding: Padding = .none) {
    self.size = size
    self.stride = stride ?? size
    self.padding = padding
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    maxPool2D(x, size: size, stride: stride, padding: padding)
  }
}

/// The mean of each window of images [samples, height, width, channels]; padding does not count. The stride is the window's size by
/// default.
public struct AveragePool2D: Layer {
  public var size: HeightAndWidth
  public var stride: HeightAndWidth
  public var padding: Padding

  public init(_ size: HeightAndWidth, stride: HeightAndWidth? = nil, padding: Padding = .none) {
    self.size = size
    self.stride = stride ?? size
    self.padding = padding
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    averagePool2D(x, size: size, stride: stride, padding: padding)
  }
}

/// The largest element of each window of sequences [samples, time, channels]. The stride is the window's size by default.
public struct MaxPool1D: Layer {
  public var size: Int
  public var stride: Int
  public var padding: Padding

  public init(_ size: Int, stride: Int? = nil, padding: Padding = .none) {
    self.size = size
    self.stride = stride ?? size
    self.padding = padding
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    maxPool1D(x, size: size, stride: stride, padding: padding)
  }
}

/// The mean of each window of sequences [samples, time, channels]; padding does not count. The stride is the window's size by default.
public struct AveragePool1D: Layer {
  public var size: Int
  public var stride: Int
  public var padding: Padding

  public init(_ size: Int, stride: Int? = nil, padding: Padding = .none) {
    self.size = size
    self.stride = stride ?? size
    self.padding = padding
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    averagePool1D(x, size: size, stride: stride, padding: padding)
  }
}

/// The mean over all positions of [samples, ..., channels]: [samples, channels].
public struct GlobalAveragePool: Layer {
  public init() {}

  public func callAsFunction(_ x: Tensor) -> Tensor { globalAveragePool(x) }
}
