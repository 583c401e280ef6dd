extension Configuration {
  /// How a run outlives interruptions.
  public struct Checkpoint: Sendable, Equatable {
    /// Writes a checkpoint after every so many steps; 0: by time alone.
    public var everySteps: Int
    /// Writes a checkpoint when so many minutes have passed since the last one; 0: by steps alone.
    public var everyMinutes: Double
    /// The newest checkpoints that are kept.
    public var keep: Int
    /// The metric by which the best checkpoint is kept besides: one is written after each evaluation that is better than all before. Nil
    /// for none.
    public var best: Metric?
    /// Whether the state of every step lives in shared memory (/dev/shm), where it outlives the processes: a run that was killed then goes on
    /// with the step that it was at.
    public var survive: Bool
    /// Whether sharded ranks whose state survives keep a copy of another one's share, so that no completed step is lost with a host.
    public var neighbourCopy: NeighbourCopy

    public enum NeighbourCopy: String, Sendable, CaseIterable {
      /// Where there are several hosts.
      case auto
      case always, never
    }

    public init(
      everySteps: Int = 0, everyMinutes: Double = 10, keep: Int = 3, best: Metric? = nil,
      survive: Bool = true,
      neighbourCopy: NeighbourCopy = .auto
    ) {
      self.everySteps = everySteps
      self.everyMinutes = everyMinutes
      self.keep = keep
      self.best = best
      self.survive = survive
      self.neighbourCopy = neighbourCopy
    }
  }
}
