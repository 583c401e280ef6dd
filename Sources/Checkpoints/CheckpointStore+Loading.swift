extension CheckpointStore {
  /// The newest checkpoint whose files are all there with the right size and digest. All of its bytes are read.
  ///
  /// - Parameter report: is given one line for each newer one that is not whole: the file, what is wrong, and what is taken instead.
  /// - Returns: nil when there is none.
  public func newestWhole(report: (String) -> Void) throws(CheckpointError) -> StoredCheckpoint? {
    var candidates = try steps().map { (step: $0, path: path($0)) }
    for step in try steps(.replaced) where !FileSystem.isFolder(path(step)) {
      candidates.append((step, hidden(step, .replaced)))
    }
    candidates.sort { $0.step > $1.step }
    for (index, candidate) in candidates.enumerated() {
      do throws(CheckpointError) {
        return try StoredCheckpoint(path: candidate.path, step: candidate.step)
      } catch {
        let next =
          index + 1 < candidates.count
          ? "falling back to \(Self.name(candidates[index + 1].step))" : "there is no older checkpoint"
        report("\(error); \(next)")
      }
    }
    return nil
  }

  /// The checkpoint of a step, with all of its bytes checked.
  public func open(step: Int) throws(CheckpointError) -> StoredCheckpoint {
    try StoredCheckpoint(path: path(step), step: step)
  }
}

extension StoredCheckpoint {
  /// - Throws: also when the checkpoint is of another step than its place says.
  fileprivate init(path: String, step: Int) throws(CheckpointError) {
    try self.init(path: path)
    guard self.step == step else {
      throw CheckpointError(
        "this is the checkpoint of step \(self.step); give the folder its name back", path: path)
    }
  }
}
