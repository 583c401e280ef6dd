/// What one rank reported to `Communicator.agree`, as all ranks see it. An error, so that all can throw the
/// same one.
public struct AgreedFailure: CommonError, Hashable, Sendable, CustomStringConvertible {
  /// The lowest rank that reported a failure, in the communicator that agreed.
  public let rank: Int
  /// What it reported.
  public let text: String

  /// What a job that this error ends exits with.
  public var exitStatus: Int32 { 1 }

  public var description: String { "rank \(rank): \(text)" }
}

extension Communicator {
  /// Makes a local verdict common: every rank passes what went wrong on it, or nil; all get the lowest
  /// failing rank and its text, or nil when nothing failed anywhere.
  ///
  /// Collective. What may fail on one rank alone (a missing file, a value that is not finite) is settled so
  /// before the next collective call, which the failing rank would not reach:
  ///
  ///     let verdict = (try? open(path)) == nil ? "cannot open \(path)" : nil
  ///     if let failure = try world.agree(verdict) { throw failure }
  ///
  /// Costs one reduction of an integer when nothing failed.
  public func agree(_ verdict: String?) throws(MPIError) -> AgreedFailure? {
    let first = try allreduce(verdict == nil ? size : rank, .minimum)
    guard first < size else { return nil }
    return AgreedFailure(rank: first, text: try broadcast(verdict ?? "", root: first))
  }
}
