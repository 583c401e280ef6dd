import CKernels

extension OptimizerKernels {
  /// The hyperparameters of one step of Adam and its kin. `correction1` and `correction2` are 1 - βᵗ at step t, counted from 1.
  ///
  /// All of them keep m = β₁m + (1-β₁)g and v = β₂v + (1-β₂)g², and go along a = m/correction1 / (√(v/correction2) + ε).
  package struct AdamStep {
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

    fileprivate var step: rondo_adam_step {
      rondo_adam_step(
        rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay, correction1: correction1,
        sqrt_correction2: correction2.squareRoot())
    }
  }

  /// p -= rate·a, with g + decay·p for g
  package static func adam(
    _ count: Int, _ step: AdamStep, g: UnsafePointer<Float>, p: UnsafeMutablePointer<Float>,
    m: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>
  ) {
    var step = step.step
    rondo_adam(count, &step, g, p, m, v)
  }

  /// p = p(1 - rate·decay) - rate·a
  package static func adamW(
    _ count: Int, _ step: AdamStep, g: UnsafePointer<Float>, p: UnsafeMutablePointer<Float>,
    m: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>
  ) {
    var step = step.step
    rondo_adamw(count, &step, g, p, m, v)
  }

  /// p -= rate·(a + decay·p)
  package static func lamb(
    _ count: Int, _ step: AdamStep, g: UnsafePointer<Float>, p: UnsafeMutablePointer<Float>,
    m: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>
  ) {
    var step = step.step
    rondo_lamb(count, &step, g, p, m, v)
  }

  /// Σp² and Σ(a + decay·p)² of what `lamb` would do, added as `sumOfSquares` adds. Nothing is written.
  package static func lambSums(
    _ count: Int, _ step: AdamStep, g: UnsafePointer<Float>, p: UnsafePointer<Float>,
    m: UnsafePointer<Float>, v: UnsafePointer<Float>
  ) -> (parameters: Double, directions: Double) {
    var step = step.step
    var sums = (0.0, 0.0)
    withUnsafeMutableBytes(of: &sums) { bytes in
      guard let sums = bytes.assumingMemoryBound(to: Double.self).baseAddress else { return }
      rondo_lamb_sums(count, &step, g, p, m, v, sums)
    }
    return sums
  }
}
