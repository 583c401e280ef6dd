/// Which signals that a rank sees ask for a checkpoint of their own.
///
/// mpirun hands a signal on to all ranks, and these see it in different steps. So a rank that sees one when others have just had a checkpoint
/// written for theirs takes it for the same: in the next step, or within a second. What a rank takes it for is part of the step's verdict, so all
/// ranks act alike.
final class SaveRequests {
  static let seconds = 1.0

  private var isAsking = false
  /// When others last had a checkpoint written that this rank had not asked for: the steps that were done then, and the time.
  private var answered: (step: Int, time: Double)?

  /// Whether this rank asks for a checkpoint in the verdict of a step.
  ///
  /// - Parameters:
  ///   - step: steps done before it.
  ///   - time: in seconds.
  func asks(hasSignal: Bool, step: Int, time: Double) -> Bool {
    isAsking = hasSignal
    guard hasSignal, let answered else { return isAsking }
    if step <= answered.step || time - answered.time < Self.seconds { isAsking = false }
    self.answered = nil
    return isAsking
  }

  /// Takes in what the verdict of a step says of all ranks.
  ///
  /// - Parameter step: steps done after it.
  func take(isAsked: Bool, step: Int, time: Double) {
    if isAsked { answered = isAsking ? nil : (step, time) }
  }
}
