/// How long a thread has been in one collective without anything moving.
struct StallClock {
  private var last = RowPosition()
  private var seconds = 0.0

  /// - Parameter elapsed: seconds since the last look. A rank that was stopped itself did not look meanwhile: the caller passes no more
  ///   than it meant to sleep.
  /// - Returns: seconds without progress; 0 outside of collectives.
  mutating func look(_ position: RowPosition, elapsed: Double) -> Double {
    defer { last = position }
    guard position.collective != nil, position.entered == last.entered, position.moves == last.moves else {
      seconds = 0
      return 0
    }
    seconds += elapsed
    return seconds
  }
}
