import Kernels

/// An exponential moving average of the weights over the steps: often better than the last weights, at no cost in training.
///
///     average ← average + (1 - decay) · (p - average)
///
/// It begins as the weights after the first step. Source: B. Polyak, A. Juditsky, SIAM J. Control Optim. 30 (1992), with weights that fade; as
/// PyTorch's `AveragedModel` with `get_ema_multi_avg_fn(decay)` and `use_buffers=True`.
public struct WeightAverage: Sendable, Equatable {
  /// How much of the average a step keeps, in 0..<1.
  public var decay: Double

  public init(decay: Double) { self.decay = decay }

  /// Takes a step's new parameters into the average of a piece. The result for an element does not depend on how its tensor is cut.
  ///
  /// - Parameter step: counted from 0.
  public func update(
    _ average: UnsafeMutablePointer<Float>, toward parameters: UnsafePointer<Float>, count: Int, step: Int
  ) {
    if step == 0 { return average.update(from: parameters, count: count) }
    OptimizerKernels.approach(count, weight: Float(1 - decay), parameters, from: average)
  }
}
