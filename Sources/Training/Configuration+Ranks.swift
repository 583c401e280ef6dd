import Datasets
import MPI

extension Configuration {
  /// What a host may have in a place, or under a name, of its own.
  private static let places: Set = [
    "name", "data.path", "data.test_path", "training.initial_weights.path", "communication.profile",
  ]

  /// Settles that all ranks have the same configuration, but for the places of files: ranks that train otherwise wait for each other without
  /// end, or, with another learning rate, each come to weights of their own without a word.
  ///
  /// Collective.
  ///
  /// - Parameter options: of the command, those that all ranks have to have alike, such as `--timeline is true`.
  /// - Throws: `CommonFailure` that names a rank and the first key or option that has another value there than on rank 0.
  func checkIsSame(_ options: [String] = [], on world: borrowing Communicator) throws {
    guard world.size > 1 else { return }
    let keys = Self.keys.filter { !Self.places.contains($0.name) && $0.isOutOfPlace(self) == nil }
    let own = options + keys.map { key in "\(key.name) is \(key.node(self).map(text) ?? "not given")" }
    // Values are of one line each.
    let common = try world.broadcast(own.joined(separator: "\n"), root: 0)
      .split(separator: "\n").map(String.init)
    try CommonFailure.agreed(on: world) {
      guard own != common else { return }
      let place = zip(own, common).prefix { $0 == $1 }.count
      let (here, there) = (own.dropFirst(place).first, common.dropFirst(place).first)
      throw CommonFailure(
        "\(here ?? "nothing more is given") on \(MPI.processorName), and on rank 0 \(there ?? "nothing more is given"): "
          + "start all ranks with the same configuration and the same options", exitStatus: 2)
    }
  }
}

extension DatasetSplit {
  /// Settles that all ranks have read the same samples: a host may have a copy of a file that is older.
  ///
  /// Collective.
  ///
  /// - Throws: `CommonFailure` that names a rank and what differs there from rank 0.
  func checkIsSame(on world: borrowing Communicator) throws {
    guard world.size > 1 else { return }
    let own = [train.count, test.count, Int(truncatingIfNeeded: contentHash)]
    var common = own
    var span = common.mutableSpan
    try world.broadcast(&span, root: 0)
    try CommonFailure.agreed(on: world) {
      guard own != common else { return }
      let difference =
        own[..<2] == common[..<2]
        ? "have other contents than those of rank 0"
        : "are \(own[0]) training and \(own[1]) held-out samples, and on rank 0 \(common[0]) and \(common[1])"
      throw CommonFailure(
        "the data on \(MPI.processorName) \(difference): give every host the same files", exitStatus: 2)
    }
  }
}
