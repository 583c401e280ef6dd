import Graph

/// Convolutions over sequences and signals: blocks of convolution, relu and max pooling, the mean over time, a dense layer.
///
/// Block i has `channels[i]` channels and halves the time while at least two positions are left.
///
/// Shapes: x [samples, time, in], result [samples, outputs] without activation (logits, or predicted values).
/// Initialisation: He's for convolutions, Glorot's for the dense layer. Each convolution is followed by batch normalisation.
/// Source of the plan: Z. Wang, W. Yan, T. Oates, arXiv:1611.06455 (fully convolutional network), with pooling between the blocks.
public struct Conv1DNet: Layer {
  public var channels: [Int]
  public var kernel: Int
  public var outputs: Int

  public init(channels: [Int] = [32, 64, 128], kernel: Int = 7, outputs: Int) {
    self.channels = channels
    self.kernel = kernel
    self.outputs = outputs
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    var x = x
    for (block, channels) in channels.enumerated() {
      x = Conv1D(
        "blocks.\(block).convolution", channels, kernel: kernel, bias: false, initializer: .heNormal)(x)
      x = BatchNorm("blocks.\(block).norm")(x, relu: true)
      if x.shape.rank == 3, x.shape[1] >= 2 { x = maxPool1D(x, size: 2) }
    }
    return Dense("output", outputs)(globalAveragePool(x))
  }
}
