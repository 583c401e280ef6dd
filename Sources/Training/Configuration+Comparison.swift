extension Configuration {
  /// Sections and keys that do not decide about the weights that a run comes to: these may change from one life to the next.
  private static let free = [
    "name", "communication.", "checkpoint.", "training.log_every_steps", "training.optimizer.sharded",
  ]

  /// The first key, of those that decide about the weights, that has another value in `other`; with both values, as they are written.
  func firstDifference(from other: Configuration) -> (key: String, own: String, other: String)? {
    for key in Self.keys {
      let (own, theirs) = (key.node(self), key.node(other))
      // Values of two metrics say nothing of each other.
      let isOtherMetric = key.name == "checkpoint.best" && own != nil && theirs != nil
      if Self.free.contains(where: { key.name.hasPrefix($0) }), !isOtherMetric { continue }
      let isOwn = key.isOutOfPlace(self) == nil
      guard isOwn || key.isOutOfPlace(other) == nil, own != theirs else { continue }
      return (key.name, own?.summary ?? "nothing", theirs?.summary ?? "nothing")
    }
    return nil
  }
}
