import CKernels

/// One pass over a flat range of parameters p with gradients g.
package enum OptimizerKernels {
  /// g' = g + decay·p;  v = momentum·v + g';  p -= rate·v, or rate·(g' + momentum·v) with Nesterov's form. Without `v`: p -= rate·g'.
  package static func sgd(
    _ count: Int, rate: Float, momentum: Float, decay: Float, nesterov: Bool, g: UnsafePointer<Float>,
    p: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>?
  ) {
    rondo_sgd(count, rate, momentum, decay, nesterov ? 1 : 0, g, p, v)
  }

  /// The hyperparameters of one AdamW step. `correction1` and `correction2` are 1 - βᵗ at step t, counted from 1.
  package struct AdamW {
    package var rate, beta1, beta2, epsilon, decay, correction1, correction2: Float

    package init(
      rate: Float, beta1: Float, beta2: Float, epsilon: Float, decay: Float, correction1: Float,
      correction2: Float
    ) {
      self.rate = rate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.decay = decay
      self.correction1 = correction1
      self.correction2 = correction2
    }
  }

  /// m = β₁m + (1-β₁)g;  v = β₂v + (1-β₂)g²;  p = p(1 - rate·decay) - rate · m/correction1 / (√(v/correction2) + ε)
  package static func adamW(
    _ count: Int, _ step: AdamW, g: UnsafePointer<Float>, p: UnsafeMutablePointer<Float>,
    m: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>
  ) {
    rondo_adamw(
      count, step.rate, step.beta1, step.beta2, step.epsilon, step.decay, step.correction1,
      step.correction2.squareRoot(), g, p, m, v)
  }
}
