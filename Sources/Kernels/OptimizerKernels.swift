import CKernels

/// One pass over a flat range of parameters p with gradients g. The bits of an element do not depend on where the range begins or ends.
package enum OptimizerKernels {
  /// g' = g + decay·p;  v = momentum·v + g';  p -= rate·v, or rate·(g' + momentum·v) with Nesterov's form. Without `v`: p -= rate·g'.
  package static func sgd(
    _ count: Int, rate: Float, momentum: Float, decay: Float, nesterov: Bool, g: UnsafePointer<Float>,
    p: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>?
  ) {
    rondo_sgd(count, rate, momentum, decay, nesterov ? 1 : 0, g, p, v)
  }

  /// g' = g + decay·p;  s = α·s + (1-α)·g'²;  v = momentum·v + g' / (√s + ε);  p -= rate·v. Without `v` its momentum is 0.
  package static func rmsprop(
    _ count: Int, rate: Float, alpha: Float, epsilon: Float, momentum: Float, decay: Float,
    g: UnsafePointer<Float>, p: UnsafeMutablePointer<Float>, s: UnsafeMutablePointer<Float>,
    v: UnsafeMutablePointer<Float>?
  ) {
    rondo_rmsprop(count, rate, alpha, epsilon, momentum, decay, g, p, s, v)
  }

  /// g' = g + decay·p;  s += g'²;  p -= rate · g' / (√s + ε)
  package static func adagrad(
    _ count: Int, rate: Float, epsilon: Float, decay: Float, g: UnsafePointer<Float>,
    p: UnsafeMutablePointer<Float>, s: UnsafeMutablePointer<Float>
  ) {
    rondo_adagrad(count, rate, epsilon, decay, g, p, s)
  }

  /// p = p(1 - rate·decay) - rate · sign(β₁m + (1-β₁)g);  m = β₂m + (1-β₂)g
  package static func lion(
    _ count: Int, rate: Float, beta1: Float, beta2: Float, decay: Float, g: UnsafePointer<Float>,
    p: UnsafeMutablePointer<Float>, m: UnsafeMutablePointer<Float>
  ) {
    rondo_lion(count, rate, beta1, beta2, decay, g, p, m)
  }

  /// v = momentum·v + rate·(g + decay·p);  p -= v
  package static func lars(
    _ count: Int, rate: Float, momentum: Float, decay: Float, g: UnsafePointer<Float>,
    p: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>
  ) {
    rondo_lars(count, rate, momentum, decay, g, p, v)
  }
}
