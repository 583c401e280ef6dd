import Kernels

/// An exponential moving average of the weights over the steps: often better than the last weights, at no cost in training.
///
///     average ← average + (1 - decay) · (p - average)
///
/// It begins as the first weights. Source: B. Polyak, A. Juditsky, SIAM J. Control Optim. 30 (1992), with weights that fade.
public struct WeightAverage: Sendable, Equatable {
  /// How much of the average a step keeps, in 0..<1.
  public var decay: Double

  public init(decay: Double) { self.decay = decay }

  /// Takes a step's new parameters into the average of a piece. The result for an element does not depend on how its tensor is cut.
  public func update(
    _ average: UnsafeMutablePointer<Float>, toward parameters: UnsafePointer<Float>, count: Int
  ) {
    OptimizerKernels.approach(count, weight: Float(1 - decay), parameters, from: average)
  }
}
