/// An algorithm and how long its messages are: what there is to choose for a size.
public struct AllreduceCandidate: Sendable, Hashable {
  public var algorithm: Algorithm
  /// Nil for what fits one host, or several.
  public var segments: Segments?

  public init(_ algorithm: Algorithm, segments: Segments? = nil) {
    self.algorithm = algorithm
    self.segments = segments
  }

  /// Every algorithm; between hosts also with long messages, in case that processors are what is slow.
  static func all(isOneHost: Bool) -> [AllreduceCandidate] {
    let fitting = Algorithm.allCases.map { AllreduceCandidate($0) }
    return isOneHost
      ? fitting : fitting + Algorithm.allCases.filter { $0 != .mpi }.map { .init($0, segments: .long) }
  }

  var selection: AllreduceSelection { AllreduceSelection(algorithm, segments: segments) }

  /// Whether it makes other messages between hosts than the same algorithm with what fits them.
  func isDistinct(size: Int, count: Int, wire: WireFormat = .float32) -> Bool {
    guard let segments else { return true }
    let wireBytes = wire.bytes(ofElement: 4)
    let messages = [segments, .eager].map { segments in
      algorithm.scheduled(elementBytes: 4, segments: segments, wireBytes: wireBytes)?
        .cost(size: size, rank: 0, count: count).messages
    }
    return messages[0] != messages[1]
  }
}

extension AllreduceCandidate: CustomStringConvertible {
  /// Such as `ring`, or `ring (long)`.
  public var description: String { segments.map { "\(algorithm) (\($0))" } ?? "\(algorithm)" }
}
