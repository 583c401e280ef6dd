import CKernels

/// What the softmax of a row is compared with, beyond its label.
package struct ClassTargets: Sendable, Equatable {
  /// The share of a target that is spread over all classes.
  package var smoothing: Float
  /// How much each class counts; nil: all alike.
  package var weights: [Float]?
  /// The label of rows that have no loss.
  package var ignored: Int32?

  package init(smoothing: Float = 0, weights: [Float]? = nil, ignored: Int32? = nil) {
    self.smoothing = smoothing
    self.weights = weights
    self.ignored = ignored
  }

  fileprivate func withUnsafeTargets(_ body: (UnsafePointer<rondo_class_targets>) -> Void) {
    func run(_ weights: UnsafePointer<Float>?) {
      var targets = rondo_class_targets(
        smoothing: smoothing, weights: weights, has_ignored: ignored == nil ? 0 : 1, ignored: ignored ?? 0)
      body(&targets)
    }
    guard let weights else { return run(nil) }
    weights.withUnsafeBufferPointer { run($0.baseAddress) }
  }
}

/// Softmax cross-entropy of each row of a rows × columns matrix with its label, and its gradient.
package enum SoftmaxCrossEntropy {
  /// Numbers that `losses` leaves for `gradient`, a row.
  package static let statisticsPerRow = 2

  /// losses[r] = -(1 - s) w[y] log p[y] - s / columns · Σ w[c] log p[c], with p = softmax(logits[r]), y = labels[r], smoothing s.
  package static func losses(
    rows: Int, columns: Int, logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    targets: ClassTargets, into losses: UnsafeMutablePointer<Float>, statistics: UnsafeMutablePointer<Float>
  ) {
    targets.withUnsafeTargets {
      rondo_softmax_cross_entropy(rows, columns, logits, labels, $0, losses, statistics)
    }
  }

  /// d[r][c] (+)= dlosses[r] · ∂losses[r]/∂logits[r][c]; `d` and `logits` may be the same unless it accumulates.
  package static func gradient(
    rows: Int, columns: Int, logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    targets: ClassTargets, statistics: UnsafePointer<Float>, dlosses: UnsafePointer<Float>,
    into d: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    targets.withUnsafeTargets {
      rondo_softmax_cross_entropy_gradient(
        rows, columns, logits, labels, $0, statistics, dlosses, d, accumulate ? 1 : 0)
    }
  }
}

/// A loss f(x, t) of a prediction x and its target t.
package enum ElementLoss: Sendable, Equatable {
  /// (x - t)²
  case squaredError
  /// |x - t|
  case absoluteError
  /// With e = |x - t|: e² / 2 up to delta, then delta (e - delta / 2).
  case huber(delta: Float)
  /// -w t log σ(x) - (1 - t) log(1 - σ(x)), with the weight w of positives.
  case binaryCrossEntropy(positiveWeight: Float)
  /// -α t (1 - σ(x))^γ log σ(x) - (1 - α) (1 - t) σ(x)^γ log(1 - σ(x))
  case focal(alpha: Float, gamma: Float)

  /// The function's number in CKernels and its constants there.
  private var code: (Int32, a: Float, b: Float) {
    switch self {
    case .squaredError: (Int32(RONDO_SQUARED_ERROR.rawValue), 0, 0)
    case .absoluteError: (Int32(RONDO_ABSOLUTE_ERROR.rawValue), 0, 0)
    case .huber(let delta): (Int32(RONDO_HUBER.rawValue), delta, 0)
    case .binaryCrossEntropy(let weight): (Int32(RONDO_BINARY_CROSS_ENTROPY.rawValue), weight, 0)
    case .focal(let alpha, let gamma): (Int32(RONDO_FOCAL.rawValue), alpha, gamma)
    }
  }

  /// losses[r] = Σ f(x[r][c], target[r][c]) / columns
  package func means(
    rows: Int, columns: Int, x: UnsafePointer<Float>, target: UnsafePointer<Float>,
    into losses: UnsafeMutablePointer<Float>
  ) {
    rondo_element_loss(code.0, code.a, code.b, rows, columns, x, target, losses)
  }

  /// Which of its two arguments a loss is differentiated by.
  package enum Argument: Sendable {
    case prediction, target
  }

  /// d[r][c] (+)= dlosses[r] / columns · ∂f/∂x, or ∂f/∂t; `d` may be `x` or `target` unless it accumulates.
  package func gradient(
    by argument: Argument, rows: Int, columns: Int, x: UnsafePointer<Float>, target: UnsafePointer<Float>,
    dlosses: UnsafePointer<Float>, into d: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    rondo_element_loss_gradient(
      code.0, code.a, code.b, rows, columns, x, target, dlosses, argument == .target ? 1 : 0, d,
      accumulate ? 1 : 0)
  }
}
