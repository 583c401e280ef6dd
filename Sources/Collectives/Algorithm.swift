/// The allreduce algorithms, under the names that configurations and the command line use.
public enum Algorithm: String, Sendable, CaseIterable {
  /// `MPI_Allreduce`, as the MPI library chooses: the baseline, and the oracle of the tests.
  case mpi
  /// Reduce-scatter and allgather round a ring: ``Ring``.
  case ring
  /// Everybody exchanges everything, in few rounds: ``RecursiveDoubling``.
  case recursiveDoubling = "recursive-doubling"
  /// Reduce-scatter by halves, allgather by doubles: ``HalvingDoubling``.
  case halvingDoubling = "halving-doubling"
  /// Every chunk straight to its owner and straight back: ``Direct``.
  case direct
  /// Everything to one rank, and from it to all: ``Linear``.
  case linear

  /// The algorithm as schedules for elements of that many bytes, or nil where the MPI library does the work.
  ///
  /// - Parameters:
  ///   - segments: how long messages are; eager ones between hosts, unless measured otherwise.
  ///   - wireBytes: bytes of an element on the wire, when they are fewer.
  public func scheduled(
    elementBytes: Int, segments: Segments = .long, wireBytes: Int? = nil
  ) -> (any ScheduledAllreduce)? {
    switch self {
    case .mpi: return nil
    case .ring:
      return Ring(elementBytes: elementBytes, segments: segments, wireBytes: wireBytes)
    case .recursiveDoubling:
      return RecursiveDoubling(elementBytes: elementBytes, segments: segments, wireBytes: wireBytes)
    case .halvingDoubling:
      return HalvingDoubling(elementBytes: elementBytes, segments: segments, wireBytes: wireBytes)
    case .direct:
      return Direct(elementBytes: elementBytes, segments: segments, wireBytes: wireBytes)
    case .linear:
      return Linear(elementBytes: elementBytes, segments: segments, wireBytes: wireBytes)
    }
  }
}

extension Algorithm: CustomStringConvertible {
  public var description: String { rawValue }
}
