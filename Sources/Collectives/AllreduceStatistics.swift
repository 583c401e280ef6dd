/// What an executor has done since it was made.
public struct AllreduceStatistics: Sendable, Equatable {
  public var calls = 0
  /// Bytes that this rank has sent. MPI does not tell what `MPI_Allreduce` sends; for it this is the least
  /// that any algorithm could, 2 (size - 1) / size of the buffers.
  public var bytesSent = 0
  /// Time in calls.
  public var seconds = 0.0
  /// The part of it in which nothing could be done but wait for other ranks; 0 for `MPI_Allreduce`, which
  /// does not tell.
  public var secondsWaiting = 0.0

  /// Nothing done yet.
  public init() {}

  /// What two executors have done together.
  public static func += (sum: inout Self, other: Self) {
    sum.calls += other.calls
    sum.bytesSent += other.bytesSent
    sum.seconds += other.seconds
    sum.secondsWaiting += other.secondsWaiting
  }
}
