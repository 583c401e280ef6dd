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
