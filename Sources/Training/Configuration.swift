import Collectives
import Datasets

/// Everything that decides a training run, apart from where and with how many ranks and threads it is computed.
///
/// Read from YAML with ``init(contentsOf:overrides:)``, or built in Swift. The names of the YAML keys are these names in
/// snake case (`training.optimizer.learning_rate`); `Configuration+Keys.swift` lists them all.
public struct Configuration: Sendable, Equatable {
  /// What the run is called. Default: the name of the configuration file without its extension.
  public var name: String
  /// Starts every random draw of the run: initial weights, order of samples, dropout.
  public var seed: UInt64
  public var model: Model
  public var data: Data
  public var training: Training
  public var communication: Communication
  public var checkpoint: Checkpoint

  public init(
    name: String = "rondo", seed: UInt64 = 1, model: Model = Model(), data: Data = Data(),
    training: Training = Training(), communication: Communication = Communication(),
    checkpoint: Checkpoint = Checkpoint()
  ) {
    self.name = name
    self.seed = seed
    self.model = model
    self.data = data
    self.training = training
    self.communication = communication
    self.checkpoint = checkpoint
  }
}

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

  /// How gradients travel between ranks.
  public struct Communication: Sendable, Equatable {
    public enum Algorithm: String, Sendable, CaseIterable {
      /// Shared memory within a host; between hosts the fastest algorithm for each size, by a profile (`rondo tune`) or a probe.
      case auto
      /// Shared memory: all ranks on one host.
      case shared
      /// Shared memory within a host, the fastest algorithm between hosts.
      case twoLevel = "two-level"
      case ring
      case recursiveDoubling = "recursive-doubling"
      case halvingDoubling = "halving-doubling"
      case direct
      /// The order of additions that does not depend on the number of ranks, by messages.
      case tree
      case linear
      /// `MPI_Allreduce`, as the MPI library chooses.
      case mpi
    }

    public typealias Wire = WireFormat

    public var algorithm: Algorithm
    /// The file of profiles that `rondo tune` wrote; nil for the one where it writes if nothing else is said.
    public var profile: String?
    /// Upper bound of a bucket's size. Smaller buckets overlap better with backward, larger ones use the network better.
    public var bucketBytes: Int
    /// How gradients travel between hosts: bfloat16 halves the bytes, for an error that ``WireFormat`` states. Within a host they are
    /// summed in shared memory, do not travel, and are not rounded.
    public var wire: Wire
    /// Whether buckets travel while backward still runs. In shared memory nothing travels.
    public var overlap: Bool
    /// Whether all ranks compare, before each collective, which one they are at: to find a rank that has lost step.
    public var check: Bool
    /// Seconds without progress in a collective after which a line names the rank that is waited for; 0: never.
    public var warnAfterSeconds: Int
    /// Seconds without progress after which the job ends with that line; 0: never.
    public var abortAfterSeconds: Int

    public init(
      algorithm: Algorithm = .auto, profile: String? = nil, bucketBytes: Int = 4 << 20, wire: Wire = .float32,
      overlap: Bool = true,
      check: Bool = false, warnAfterSeconds: Int = 30, abortAfterSeconds: Int = 300
    ) {
      self.algorithm = algorithm
      self.profile = profile
      self.bucketBytes = bucketBytes
      self.wire = wire
      self.overlap = overlap
      self.check = check
      self.warnAfterSeconds = warnAfterSeconds
      self.abortAfterSeconds = abortAfterSeconds
    }
  }
}
