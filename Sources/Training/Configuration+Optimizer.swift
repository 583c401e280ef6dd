import Optimizers

extension Configuration {
  /// The rule that turns gradients into updates.
  public struct Optimizer: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      /// Stochastic gradient descent, with momentum where ``Optimizer/momentum`` is above 0.
      case sgd
      case rmsprop, adagrad, adam, adamw
      /// For large batches: momentum and AdamW with a learning rate of its own for each tensor.
      case lars, lamb
      /// The sign of the momentum.
      case lion
    }

    public typealias Decay = ParameterGroups.Decay

    public var kind: Kind
    /// The learning rate after warm-up, before ``scaleWithBatch``.
    public var learningRate: Double
    /// For ``Kind/sgd``, ``Kind/rmsprop`` and ``Kind/lars``.
    public var momentum: Double
    /// Nesterov's form of the momentum. For ``Kind/sgd``.
    public var nesterov: Bool
    /// Decay of RMSprop's mean of squared gradients.
    public var alpha: Double
    /// Decay of the mean of gradients. For ``Kind/adam``, ``Kind/adamw``, ``Kind/lamb`` and ``Kind/lion``, as the next one.
    public var beta1: Double
    /// Decay of the mean of squared gradients; of Lion's momentum.
    public var beta2: Double
    /// Keeps quotients finite. For all but ``Kind/sgd``, ``Kind/lars`` and ``Kind/lion``.
    public var epsilon: Double
    /// How far a step may move a tensor, relative to its norm. For ``Kind/lars``.
    public var trustCoefficient: Double
    public var weightDecay: Double
    /// Which tensors weight decay is for. LARS and LAMB take the others as tensors without a learning rate of their own.
    public var decay: Decay
    /// Parameters that are not trained: names, or prefixes that end in a star, such as `blocks.0.*`.
    public var frozen: [String]
    /// The batch that ``learningRate`` is meant for; nil for the batch of the run. Source: P. Goyal et al., arXiv:1706.02677, section 2.1.
    public var scaleWithBatch: Int?
    /// Whether each rank keeps and updates a share only of the optimizer's state, where ranks have no memory in common: ZeRO's first
    /// stage. The weights come out the same. Source: S. Rajbhandari et al., arXiv:1910.02054.
    public var sharded: Bool

    /// - Parameters: nil stands for what is usual with `kind`: PyTorch's defaults, and the papers' for what PyTorch does not have.
    public init(
      kind: Kind = .adamw, learningRate: Double? = nil, momentum: Double? = nil, nesterov: Bool = false,
      weightDecay: Double? = nil, alpha: Double = 0.99, beta1: Double = 0.9, beta2: Double? = nil,
      epsilon: Double? = nil, trustCoefficient: Double = 0.001, decay: Decay = .all, frozen: [String] = [],
      scaleWithBatch: Int? = nil, sharded: Bool = false
    ) {
      let usual = Self.usual(kind)
      self.kind = kind
      self.learningRate = learningRate ?? usual.learningRate
      self.momentum = momentum ?? usual.momentum
      self.nesterov = nesterov
      self.weightDecay = weightDecay ?? usual.weightDecay
      self.alpha = alpha
      self.beta1 = beta1
      self.beta2 = beta2 ?? usual.beta2
      self.epsilon = epsilon ?? usual.epsilon
      self.trustCoefficient = trustCoefficient
      self.decay = decay
      self.frozen = frozen
      self.scaleWithBatch = scaleWithBatch
      self.sharded = sharded
    }

    /// The keys of this section whose defaults depend on the kind.
    static let keysWithUsualValues: [(key: String, path: WritableKeyPath<Optimizer, Double> & Sendable)] = [
      ("training.optimizer.learning_rate", \.learningRate), ("training.optimizer.momentum", \.momentum),
      ("training.optimizer.weight_decay", \.weightDecay), ("training.optimizer.beta2", \.beta2),
      ("training.optimizer.epsilon", \.epsilon),
    ]

    private struct Usual {
      var learningRate: Double
      var momentum = 0.0
      var weightDecay = 0.0
      var beta2 = 0.999
      var epsilon = 1e-8
    }

    /// Where a kind has no use for a value, that is the one of all kinds.
    private static func usual(_ kind: Kind) -> Usual {
      switch kind {
      case .sgd, .rmsprop: Usual(learningRate: 1e-2)
      case .adagrad: Usual(learningRate: 1e-2, epsilon: 1e-10)
      case .adam: Usual(learningRate: 1e-3)
      case .adamw: Usual(learningRate: 1e-3, weightDecay: 0.01)
      case .lars: Usual(learningRate: 1, momentum: 0.9)
      case .lamb: Usual(learningRate: 1e-3, weightDecay: 0.01, epsilon: 1e-6)
      case .lion: Usual(learningRate: 1e-4, beta2: 0.99)
      }
    }
  }
}
