import Graph

/// Sets each element to 0 with the given probability while training, and scales the others by 1 / (1 - probability).
public struct Dropout {
  public var probability: Float

  public init(_ probability: Float) { self.probability = probability }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    probability == 0 ? x : dropout(x, probability: probability)
  }
}
