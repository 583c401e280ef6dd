import MPI

/// When a checkpoint is due by the clock.
final class CheckpointClock {
  private let seconds: Double
  private var last = MPI.wallTime()

  /// - Parameter minutes: between two; 0 for never.
  init(minutes: Double) { seconds = 60 * minutes }

  var isDue: Bool { seconds > 0 && MPI.wallTime() - last > seconds }

  func reset() { last = MPI.wallTime() }
}
