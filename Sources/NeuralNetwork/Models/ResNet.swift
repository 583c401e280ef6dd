import Graph

/// The residual networks for images of 32x32: 6n + 2 layers, `resnet20` with n = 3, `resnet32` with 5, `resnet56` with 9.
///
/// A 3x3 convolution to 16 channels; three stages of n blocks with 16, 32 and 64 channels, the first block of the second and third stage
/// with stride 2; the mean over all positions; a dense layer. Every convolution has 3x3 weights, no bias and batch normalisation after it.
/// Where a block changes the shape, its shortcut is a 1x1 convolution with batch normalisation (option B).
///
/// Shapes: x [samples, height, width, channels], result [samples, classes] (logits).
/// Initialisation: He's for convolutions, Glorot's for the dense layer.
/// Source: K. He, X. Zhang, S. Ren, J. Sun, arXiv:1512.03385, section 4.2. The paper has option A there: zeros for new channels.
public struct ResNet: Layer {
  /// n, blocks of each stage.
  public var blocks: Int
  public var classes: Int

  /// - Parameter layers: 6n + 2, such as 20, 32, 44, 56 or 110.
  public init(layers: Int, classes: Int) {
    blocks = (layers - 2) / 6
    self.classes = classes
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    var x = Conv2D("stem.convolution", 16, kernel: 3, padding: .by(1), bias: false, initializer: .heNormal)(x)
    x = BatchNorm("stem.norm")(x, relu: true)
    for (stage, channels) in [16, 32, 64].enumerated() {
      for block in 0..<blocks {
        let stride = stage > 0 && block == 0 ? 2 : 1
        x = ResidualBlock("stages.\(stage).\(block)", channels, stride: stride)(x)
      }
    }
    return Dense("output", classes)(globalAveragePool(x))
  }
}

/// The residual network of 18 layers for large images: a 7x7 convolution to 64 channels with stride 2 and max pooling, four stages of two
/// blocks with 64, 128, 256 and 512 channels, the mean over all positions, a dense layer.
///
/// Shapes: x [samples, height, width, channels], result [samples, classes] (logits).
/// Source: K. He, X. Zhang, S. Ren, J. Sun, arXiv:1512.03385, table 1, with option B shortcuts.
public struct ResNet18: Layer {
  public var classes: Int
  /// Channels of the first stage; the paper's network has 64, and each stage twice as many as the one before.
  public var width: Int

  public init(classes: Int, width: Int = 64) {
    self.classes = classes
    self.width = width
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    var x = Conv2D(
      "stem.convolution", width, kernel: 7, stride: 2, padding: .by(3), bias: false, initializer: .heNormal)(
        x)
    x = BatchNorm("stem.norm")(x, relu: true)
    x = maxPool2D(x, size: 3, stride: 2, padding: .by(1))
    for stage in 0..<4 {
      for block in 0..<2 {
        let stride = stage > 0 && block == 0 ? 2 : 1
        x = ResidualBlock("stages.\(stage).\(block)", width << stage, stride: stride)(x)
      }
    }
    return Dense("output", classes)(globalAveragePool(x))
  }
}

/// y = relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)), both convolutions 3x3, the first with the stride. The shortcut is x itself, or a
/// 1x1 convolution with batch normalisation where the shape changes.
///
/// Shapes: x [samples, height, width, in], y [samples, height / stride, width / stride, channels].
/// Source: K. He et al., arXiv:1512.03385, figure 2 and equation 2.
public struct ResidualBlock: Layer {
  public var name: String
  public var channels: Int
  public var stride: Int

  public init(_ name: String, _ channels: Int, stride: Int = 1) {
    self.name = name
    self.channels = channels
    self.stride = stride
  }

  private func convolution(_ part: String, _ x: Tensor, kernel: Int, stride: Int) -> Tensor {
    Conv2D(
      "\(name).\(part)", channels, kernel: HeightAndWidth(kernel, kernel),
      stride: HeightAndWidth(stride, stride),
      padding: .by(kernel / 2), bias: false, initializer: .heNormal)(x)
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    var y = convolution("convolution1", x, kernel: 3, stride: stride)
    y = BatchNorm("\(name).norm1")(y, relu: true)
    y = convolution("convolution2", y, kernel: 3, stride: 1)
    var shortcut = x
    if stride != 1 || x.shape.columns != channels {
      shortcut = convolution("shortcut.convolution", x, kernel: 1, stride: stride)
      shortcut = BatchNorm("\(name).shortcut.norm")(shortcut)
    }
    return BatchNorm("\(name).norm2")(y, residual: shortcut, relu: true)
  }
}
