import Foundation
import Kernels

extension OptimizerKernels.AdamStep {
  /// The constants of a step for a piece.
  init(
    beta1: Double, beta2: Double, epsilon: Double, decay: Double, at step: UpdateStep, rate: Double
  ) {
    // With β as the kernel has it, rounded: then the weights of all gradients in v / (1 - β₂ᵗ) add up to 1. In single precision
    // 1 - 0.999 differs from 0.001 by 1e-5 of it.
    let (rounded1, rounded2) = (Double(Float(beta1)), Double(Float(beta2)))
    let time = Double(step.step + 1)
    self.init(
      rate: Float(rate), beta1: Float(beta1), beta2: Float(beta2), epsilon: Float(epsilon),
      decay: Float(decay), correction1: Float(1 - pow(rounded1, time)),
      correction2: Float(1 - pow(rounded2, time)))
  }
}
