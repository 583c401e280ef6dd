extension CheckpointStore {
  /// Removes checkpoints before the newest `keep` up to a step, on rank 0. A checkpoint is hidden by one rename first, so that one that
  /// is removed in part is never taken for a whole one.
  ///
  /// Those that lack a file, or part of one, do not count among the newest; digests are not compared.
  ///
  /// - Parameters:
  ///   - keep: at least 1.
  ///   - step: the one that was just committed. Later ones stay: they are from before the run was resumed here, and get replaced.
  ///   - spared: steps that stay in any case, such as the best.
  public func retain(newest keep: Int, through step: Int, sparing spared: Set<Int>) throws(CheckpointError) {
    precondition(keep >= 1, "CheckpointStore.retain: expected to keep at least 1, found \(keep)")
    let steps = try steps().filter { $0 <= step }
    var kept = 0
    for step in steps.reversed() {
      if kept < keep {
        if (try? StoredCheckpoint(path: path(step), checkingDigests: false)) != nil { kept += 1 }
      } else if !spared.contains(step) {
        try remove(step)
      }
    }
  }

  private func remove(_ step: Int) throws(CheckpointError) {
    let hidden = hidden(step, .removed)
    try system.removeTree(hidden)
    try system.rename(path(step), to: hidden)
    // Else a power cut could bring the name back, and not all of what it named.
    try system.synchronize(folder: directory)
    try system.removeTree(hidden)
  }
}
