import Foundation
import Testing

@testable import Checkpoints

#if canImport(Glibc)
  import Glibc
#endif

/// What a child process does. In any other process these tests are switched off.
@Suite(.serialized) struct ChildProcessTasks {
  static func folder(_ task: String) -> String { ChildProcess.folder(of: task) ?? "" }

  /// Writes checkpoints until it is killed.
  @Test(.enabled(if: ChildProcess.folder(of: "writesForEver") != nil)) func writesForEver() throws {
    var run = SampleRun(directory: Self.folder("writesForEver"))
    run.elements = 60_000
    var step = (try run.store.steps().last ?? 0) + 1
    while true {
      try run.checkpoint(step, mark: step)
      try run.store.retain(newest: 2, through: step, sparing: [])
      step += 1
    }
  }

  /// Files may have 8 KiB, and the model has more: the limit is met in the middle of it.
  @Test(.enabled(if: ChildProcess.folder(of: "meetsALimit") != nil)) func meetsALimit() throws {
    var run = SampleRun(directory: Self.folder("meetsALimit"))
    signal(SIGXFSZ, SIG_IGN)
    run.elements = 100
    try run.checkpoint(1, mark: 1)
    var limit = rlimit(rlim_cur: 8_192, rlim_max: 8_192)
    #expect(setrlimit(__rlimit_resource_t(1), &limit) == 0)
    run.elements = 5_000
    let error = #expect(throws: CheckpointError.self) { try run.checkpoint(2, mark: 2) }
    #expect(
      error?.description == "\(run.store.partialPath(2))/model.safetensors: the file cannot be written: "
        + "File too large; the limit is that of the file system or of ulimit -f")
    try Self.expectOnlyTheFirst(run)
  }

  /// The file system has 1 MiB, and two checkpoints do not fit.
  @Test(.enabled(if: ChildProcess.folder(of: "fillsTheDisk") != nil)) func fillsTheDisk() throws {
    var run = SampleRun(directory: Self.folder("fillsTheDisk") + "/checkpoints")
    run.elements = 100
    try run.checkpoint(1, mark: 1)
    run.elements = 150_000
    let error = #expect(throws: CheckpointError.self) { try run.checkpoint(2, mark: 2) }
    // The two that are written together.
    let lines = (0..<2).map {
      "\(run.store.partialPath(2))/\(CheckpointFile.optimizer($0, of: 2)): "
        + "the file cannot be written: No space left on device; free space or lower checkpoint.keep"
    }
    #expect(lines.contains(error?.description ?? ""))
    try Self.expectOnlyTheFirst(run)
    // What was begun is gone, so that there is room again.
    run.elements = 100
    try run.checkpoint(3, mark: 3)
    #expect(try run.newest() == (3, 3, []))
  }

  /// Nothing can be written there, and what is there is read.
  @Test(.enabled(if: ChildProcess.folder(of: "readsOnly") != nil)) func readsOnly() throws {
    var run = SampleRun(directory: Self.folder("readsOnly"))
    run.elements = 100
    let error = #expect(throws: CheckpointError.self) { try run.checkpoint(2, mark: 2) }
    #expect(
      error?.description == "\(run.store.partialPath(2)): the folder cannot be made: Read-only file system; "
        + "choose a directory that can be written")
    #expect(throws: CheckpointError.self) { try run.store.retain(newest: 1, through: 1, sparing: []) }
    #expect(try run.newest() == (1, 1, []))
  }

  private static func expectOnlyTheFirst(_ run: SampleRun) throws {
    var run = run
    run.elements = 100
    #expect(try run.newest() == (1, 1, []))
    #expect(try run.names() == ["step-00000001"])
  }
}

@Suite(.serialized) struct ChildProcessTests {
  /// Killed at moments that chance chooses, and started again on what is left.
  @Test func aProcessThatIsKilledLeavesAWholeCheckpoint() throws {
    let folder = try Folder(inMemory: true)
    var run = SampleRun(folder)
    run.elements = 60_000
    var seen = 0
    for _ in 0..<5 {
      let process = try ChildProcess.start("writesForEver", on: run.store.directory)
      let limit = Date().addingTimeInterval(60)
      while (try run.store.steps().last ?? 0) < seen + 2, Date() < limit { usleep(1_000) }
      usleep(UInt32.random(in: 0...40_000))
      // The child of `timeout`, which ends with it.
      for child in try Self.children(of: process.processIdentifier) { kill(child, SIGKILL) }
      process.waitUntilExit()
      let newest = try run.newest()
      #expect(newest.lines == [] && newest.step == newest.mark)
      #expect(try run.store.steps().last == newest.step)
      #expect((newest.step ?? 0) >= seen + 2, "the child wrote nothing")
      seen = newest.step ?? seen
    }
  }

  private static func children(of process: pid_t) throws -> [pid_t] {
    let children = try String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
    return children.split(separator: " ").compactMap { pid_t($0) }
  }

  @Test func aLimitInTheMiddleOfAFileLeavesTheCheckpointBefore() throws {
    let folder = try Folder()
    try ChildProcess.run("meetsALimit", on: folder.path("checkpoints"))
  }

  @Test(.enabled(if: !ChildProcess.mountNamespace.isEmpty, "no mount namespaces for this user here"))
  func aFullDiskLeavesTheCheckpointBefore() throws {
    let folder = try Folder()
    try ChildProcess.run(
      "fillsTheDisk", on: folder.root, namespace: "mount -t tmpfs -o size=1m none \"$1\"")
  }

  @Test(.enabled(if: !ChildProcess.mountNamespace.isEmpty, "no mount namespaces for this user here"))
  func aReadOnlyFolderIsNamedAndRead() throws {
    let folder = try Folder()
    var run = SampleRun(folder)
    run.elements = 100
    try run.checkpoint(0, mark: 0)
    try run.checkpoint(1, mark: 1)
    try ChildProcess.run(
      "readsOnly", on: run.store.directory,
      namespace: "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"")
    #expect(try run.newest() == (1, 1, []))
  }

  @Test func aFileInTheWayIsNamed() throws {
    let folder = try Folder(["run": [1]])
    let run = SampleRun(directory: folder.path("run/checkpoints"))
    let error = #expect(throws: CheckpointError.self) { try run.checkpoint(1, mark: 1) }
    #expect(error?.description == "\(folder.path("run")): the folder cannot be made: File exists")
    #expect(throws: CheckpointError.self) { try run.store.steps() }
  }
}
