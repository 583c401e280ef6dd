import Graph

/// The classic network for images of digits: two convolutions of 5x5 with max pooling, three dense layers.
///
/// x → 6 channels, 5x5, padding 2 → pool 2x2 → 16 channels, 5x5, no padding → pool 2x2 → dense 120 → 84 → classes. As it is taught
/// today: relu instead of tanh, max pooling instead of trained averages, every channel connected to every other.
///
/// Shapes: x [samples, 28, 28, 1] (other sizes from 12 on, and more channels, work as well), result [samples, classes] (logits).
/// Initialisation: He's, and Glorot's for the last layer.
/// Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proceedings of the IEEE 86, 1998, section II.
public struct LeNet: Layer {
  public var classes: Int

  public init(classes: Int) { self.classes = classes }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    var x = Conv2D("convolution1", 6, kernel: 5, padding: .by(2), activation: .relu)(x)
    x = maxPool2D(x, size: 2)
    x = Conv2D("convolution2", 16, kernel: 5, padding: .none, activation: .relu)(x)
    x = maxPool2D(x, size: 2)
    x = x.reshaped(to: [x.shape[0], x.shape.count / x.shape[0]])
    x = Dense("dense1", 120, activation: .relu)(x)
    x = Dense("dense2", 84, activation: .relu)(x)
    return Dense("output", classes)(x)
  }
}
