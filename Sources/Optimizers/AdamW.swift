import Foundation
import Kernels

/// Adam with decoupled weight decay; at step t, counted from 1:
///
///     m ← β₁ m + (1 - β₁) g        v ← β₂ v + (1 - β₂) g²
///     p ← p (1 - rate · decay) - rate · m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)
///
/// Source: I. Loshchilov, F. Hutter, arXiv:1711.05101, algorithm 2, with the decay scaled by the learning rate as in PyTorch's `AdamW`.
public struct AdamW: Optimizer {
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var name: String { "adamw" }
  public var stateCount: Int { 2 }

  public func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms) {
    // With β as the kernel has it, rounded: then the weights of all gradients in v / (1 - β₂ᵗ) add up to 1. In single precision
    // 1 - 0.999 differs from 0.001 by 1e-5 of it.
    let (rounded1, rounded2) = (Double(Float(beta1)), Double(Float(beta2)))
    let time = Double(step.step + 1)
    let hyperparameters = OptimizerKernels.AdamW(
      rate: Float(step.learningRate), beta1: Float(beta1), beta2: Float(beta2), epsilon: Float(epsilon),
      decay: piece.decays ? Float(weightDecay) : 0, correction1: Float(1 - pow(rounded1, time)),
      correction2: Float(1 - pow(rounded2, time)))
    OptimizerKernels.adamW(
      piece.count, hyperparameters, g: piece.gradients, p: piece.parameters, m: piece.state(0),
      v: piece.state(1))
  }
}
