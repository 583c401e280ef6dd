import Graph

/// Group normalisation: each sample's channels in groups, over all positions; the same in training and evaluation.
///
/// Shapes: x [samples, ..., channels], y like x. Parameters: `NAME.weight` [channels] of ones (γ), `NAME.bias` [channels] of zeros (β).
public struct GroupNorm: Layer {
  public var name: String
  public var groups: Int
  public var epsilon: Float

  public init(_ name: String, groups: Int, epsilon: Float = 1e-5) {
    self.name = name
    self.groups = groups
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let channels: Shape = [x.shape.columns]
    return groupNorm(
      x, groups: groups, scale: x.trace.parameter("\(name).weight", channels, .constant(1)),
      shift: x.trace.parameter("\(name).bias", channels, .zeros), epsilon: epsilon, name: name)
  }
}
