/// What a network predicts, which decides its usual loss.
public enum Task: Sendable, Equatable {
  /// One of so many classes; softmax cross-entropy.
  case classification(classes: Int)
  /// So many numbers; mean squared error.
  case regression(outputs: Int)
  /// At each position the token that follows, one of so many; softmax cross-entropy.
  case nextToken(vocabulary: Int)

  /// Columns of the network's output.
  public var outputs: Int {
    switch self {
    case .classification(let classes): classes
    case .regression(let outputs): outputs
    case .nextToken(let vocabulary): vocabulary
    }
  }
}
