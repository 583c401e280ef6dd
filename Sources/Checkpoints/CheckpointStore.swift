import Foundation

/// The checkpoints of one run: the folder `RUN/checkpoints` with a folder for each step, `step-00001000`.
///
/// A checkpoint is written into a hidden folder (``partialPath(_:)``) and appears under its name by one rename, when it is complete
/// and on disk. At every moment, whatever fails and wherever a process is killed, the checkpoints under their names are whole; what a
/// killed process has left hidden is removed by ``recover()``, and by the next ``begin(step:)``.
///
/// The calls for one step, of which the ranks of a job share the second: `begin` on rank 0; `write` on each rank, with the files that it
/// has; `commit` on rank 0 when all are written, or `abandon`. Nothing here is collective.
public struct CheckpointStore: Sendable {
  public let directory: String
  let system: FileSystem

  /// Touches nothing.
  public init(directory: String) { self.init(directory: directory, FileSystem()) }

  init(directory: String, _ system: FileSystem) {
    self.directory = directory
    self.system = system
  }

  /// Steps that have a folder, ascending. What has another name is ignored.
  public func steps() throws(CheckpointError) -> [Int] { try steps(nil) }

  /// Makes an empty hidden folder for the files of a step, on rank 0, before any rank writes. What was left of other attempts, of
  /// this step or any other, is removed.
  public func begin(step: Int) throws(CheckpointError) {
    try system.makeFolders(directory)
    try recover()
    try system.makeFolders(partialPath(step))
  }

  /// Gives checkpoints their names back that a process was about to replace when it was killed between its two renames, and removes what else
  /// killed processes have left hidden. On rank 0, before it asks for `steps`.
  public func recover() throws(CheckpointError) {
    for old in try steps(.replaced) where !FileSystem.isFolder(path(old)) {
      try system.rename(hidden(old, .replaced), to: path(old))
      try system.synchronize(folder: directory)
    }
    for trace in Trace.allCases {
      for old in try steps(trace) { try system.removeTree(hidden(old, trace)) }
    }
  }

  /// Writes files of a step that was begun, and brings them to disk. Any rank, any thread.
  ///
  /// - Returns: sizes and digests in the same order, for ``commit(step:files:)``.
  public func write(_ files: [UnwrittenFile], step: Int) throws(CheckpointError) -> [CheckpointFile] {
    for file in files {
      precondition(
        CheckpointFile.isName(file.name) && file.name != CheckpointFile.manifest,
        "CheckpointStore.write: \(file.name.debugDescription) is no name for a file of a checkpoint")
    }
    let partial = partialPath(step)
    guard FileSystem.isFolder(partial) else {
      throw Self.notShared("the folder was made and is not there", path: partial)
    }
    return try write(files, to: partial)
  }

  private func write(_ files: [UnwrittenFile], to folder: String) throws(CheckpointError) -> [CheckpointFile]
  {
    let written = try CheckpointWriter(folder: folder, system: system).write(files)
    try system.synchronize(folder: folder)
    return written
  }

  private static func notShared(_ problem: String, path: String) -> CheckpointError {
    CheckpointError(
      "\(problem); put the run directory on a file system that all hosts of the job share", path: path)
  }

  /// Writes the manifest and gives the checkpoint its name, on rank 0, when all ranks have written. Once it returns the checkpoint
  /// outlives the machine. One that the step had before is replaced.
  ///
  /// - Parameter files: what all ranks' `write` returned.
  /// - Throws: also when a file cannot be seen from here.
  public func commit(step: Int, files: [CheckpointFile]) throws(CheckpointError) {
    let partial = partialPath(step)
    for file in files {
      guard FileSystem.exists("\(partial)/\(file.name)") else {
        throw Self.notShared("the file was written and is not there", path: "\(partial)/\(file.name)")
      }
      try file.check(in: partial, checkingDigest: false)
    }
    let manifest = CheckpointManifest(step: step, files: files).json
    _ = try write([UnwrittenFile(CheckpointFile.manifest, Data(manifest))], to: partial)
    try replace(step)
    try system.synchronize(folder: directory)
    // It is hidden, and the next attempt tries again.
    try? system.removeTree(hidden(step, .replaced))
  }

  /// Gives the hidden folder the step's name. A checkpoint of that name, from before the run was resumed at an earlier step, keeps
  /// being found until the new one is there: under its hidden name, too.
  private func replace(_ step: Int) throws(CheckpointError) {
    let (partial, target) = (partialPath(step), path(step))
    guard FileSystem.isFolder(target) else { return try system.rename(partial, to: target) }
    try system.removeTree(hidden(step, .replaced))
    try system.rename(target, to: hidden(step, .replaced))
    do throws(CheckpointError) { try system.rename(partial, to: target) } catch {
      try? system.rename(hidden(step, .replaced), to: target)
      throw error
    }
  }

  /// Gives up a step that was begun, on rank 0, and frees its space.
  public func abandon(step: Int) {
    // What stays is hidden, and the next attempt tries again.
    try? system.removeTree(partialPath(step))
  }
}
