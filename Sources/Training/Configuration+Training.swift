extension Configuration {
  /// How the model is trained.
  public struct Training: Sendable, Equatable {
    /// Samples of one step over all ranks (the global batch).
    public var batch: Int
    /// Samples of one forward and backward pass; divides ``batch``.
    public var microbatch: Int
    /// Passes over the training data. One of ``epochs`` and ``steps`` is set, never both.
    public var epochs: Int?
    /// Optimizer updates.
    public var steps: Int?
    public var loss: Loss
    public var optimizer: Optimizer
    public var schedule: Schedule
    /// The largest norm of all gradients of a step together; larger ones are scaled down to it. Only one of this and ``clipValue`` is set.
    public var clipNorm: Double?
    /// The largest size of each gradient; larger ones are cut off.
    public var clipValue: Double?
    /// How much of the average of weights, which is kept beside the weights then, a step keeps; in 0..<1.
    public var emaDecay: Double?
    /// Whether the weights may not depend on the number of ranks, down to the last bit. Then gradients of microbatches are added in the
    /// order of one tree, whoever computed them.
    public var reproducible: Bool
    /// Evaluates on held-out data after every so many epochs, and at the end; 0: only at the end.
    public var evaluateEveryEpochs: Int
    /// Writes a line of metrics every so many steps.
    public var logEverySteps: Int
    /// A file that the run begins with, in place of values drawn from the seed.
    public var initialWeights: InitialWeights
    public var earlyStopping: EarlyStopping

    /// - Parameter microbatch: nil stands for ``defaultMicrobatch(batch:)``.
    public init(
      batch: Int = 256, microbatch: Int? = nil, epochs: Int? = nil, steps: Int? = nil,
      loss: Loss = Loss(), optimizer: Optimizer = Optimizer(), schedule: Schedule = Schedule(),
      clipNorm: Double? = nil, clipValue: Double? = nil, emaDecay: Double? = nil, reproducible: Bool = true,
      evaluateEveryEpochs: Int = 1, logEverySteps: Int = 10,
      initialWeights: InitialWeights = InitialWeights(),
      earlyStopping: EarlyStopping = EarlyStopping()
    ) {
      self.batch = batch
      self.microbatch = microbatch ?? Self.defaultMicrobatch(batch: batch)
      self.epochs = epochs
      self.steps = steps
      self.loss = loss
      self.optimizer = optimizer
      self.schedule = schedule
      self.clipNorm = clipNorm
      self.clipValue = clipValue
      self.emaDecay = emaDecay
      self.reproducible = reproducible
      self.evaluateEveryEpochs = evaluateEveryEpochs
      self.logEverySteps = logEverySteps
      self.initialWeights = initialWeights
      self.earlyStopping = earlyStopping
    }

    /// Microbatches of one global batch, over all ranks.
    public var microbatchCount: Int { batch / microbatch }

    /// The learning rate that ``schedule`` gives factors of: that of the optimizer, times ``batch`` / ``Optimizer/scaleWithBatch`` where
    /// that is given.
    public var learningRate: Double {
      optimizer.learningRate * (optimizer.scaleWithBatch.map { Double(batch) / Double($0) } ?? 1)
    }

    /// The largest divisor of `batch` not above 128: rows enough for a dense layer to run near its full speed, and as
    /// many microbatches as that leaves to spread over ranks.
    public static func defaultMicrobatch(batch: Int) -> Int {
      guard batch >= 1 else { return 1 }
      return (1...min(batch, 128)).last { batch.isMultiple(of: $0) } ?? 1
    }
  }
}
