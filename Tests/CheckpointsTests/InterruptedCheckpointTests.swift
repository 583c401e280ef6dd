import Glibc
import Synchronization
import Testing

@testable import Checkpoints

/// A file system whose calls fail, stop short or come to an end at a chosen one.
final class FaultySystem: Sendable {
  enum Mode: CustomTestStringConvertible {
    /// The call fails; those after it work.
    case fails(Int32)
    /// The process is killed before the call.
    case ends
    /// The process is killed when the call has written half of what it was given.
    case endsInTheMiddle

    var testDescription: String { if case .fails(let code) = self { "error \(code)" } else { "\(self)" } }
  }

  private struct State {
    var calls = 0
    var isDead = false
    /// Files and folders with changes that are not on disk.
    var pending: Set<String> = []
    var early: [String] = []
  }

  private let state = Mutex(State())
  private let target: Int
  private let mode: Mode?

  /// - Parameter call: the number of the call that `mode` happens at; nil for none.
  init(at call: Int = .max, _ mode: Mode? = nil) {
    target = call
    self.mode = mode
  }

  var calls: Int { state.withLock { $0.calls } }
  var isDead: Bool { state.withLock { $0.isDead } }
  var pending: Set<String> { state.withLock { $0.pending } }
  /// Calls that made something depend on what was not on disk.
  var early: [String] { state.withLock { $0.early } }

  var system: FileSystem {
    FileSystem { call, path in self.fault(call, path) }
  }

  private func fault(_ call: FileSystem.Call, _ path: String) -> FileSystem.Fault? {
    state.withLock { state in
      if state.isDead { return .code(EIO) }
      defer { state.calls += 1 }
      guard state.calls == target, let mode else {
        Self.note(call, path, &state)
        return nil
      }
      switch mode {
      case .fails(let code): return .code(code)
      case .ends:
        state.isDead = true
        return .code(EIO)
      case .endsInTheMiddle:
        // The half that is left is asked for next.
        state.isDead = true
        return call == .write ? .half : .code(EIO)
      }
    }
  }

  /// A checkpoint may get its name only when all of it is on disk, and another may be removed only when the name is.
  private static func note(_ call: FileSystem.Call, _ path: String, _ state: inout State) {
    let folder = FileSystem.parts(of: path).folder
    switch call {
    case .create, .mkdir: state.pending.formUnion([path, folder])
    case .write: state.pending.insert(path)
    case .fsync: state.pending.remove(path)
    case .rename:
      if path.hasSuffix(".partial"), state.pending.contains(where: { $0.hasPrefix(path) }) {
        state.early.append("\(call) \(path)")
      }
      state.pending.insert(folder)
    case .unlink, .rmdir:
      if path.contains(".replaced") || path.contains(".removed"), !state.pending.isEmpty {
        state.early.append("\(call) \(path)")
      }
    }
  }
}

/// Whatever fails and wherever the process ends while a checkpoint is written, the one before it or the new one is there, whole.
@Suite struct InterruptedCheckpointTests {
  /// How a checkpoint comes about: what is there before, and the step that is written.
  enum Story: CaseIterable {
    /// A further step, and an older one that is removed then.
    case next
    /// A step that is there already, from before the run was resumed.
    case again
    /// A further step after a process was killed: its traces are there.
    case afterTraces
  }

  /// What is there before: step 5 with mark 5 and step 10 with mark 1.
  static func prepare(_ folder: Folder, _ story: Story) throws {
    let run = Self.run(folder)
    try run.checkpoint(5, mark: 5)
    try run.checkpoint(10, mark: 1)
    guard story == .afterTraces else { return }
    // Killed between the two renames of a replacement, another time while writing, another time while removing.
    try run.store.system.rename(run.store.path(10), to: run.store.hidden(10, .replaced))
    for trace in [run.store.hidden(15, .partial), run.store.hidden(3, .removed)] {
      try run.store.system.makeFolders(trace)
    }
  }

  static func run(_ folder: Folder, _ system: FileSystem = FileSystem()) -> SampleRun {
    var run = SampleRun(folder, system)
    run.elements = 8
    return run
  }

  /// Writes mark 2 and removes what is old.
  static func write(_ run: SampleRun, _ story: Story) throws {
    let step = story == .again ? 10 : 20
    try run.checkpoint(step, mark: 2)
    try run.store.retain(newest: 1, through: step, sparing: [])
  }

  static func checkAfterwards(_ folder: Folder, _ story: Story, mustBeNew: Bool, _ comment: Comment) throws {
    let run = Self.run(folder)
    let newest = try run.newest()
    #expect(newest.mark == 2 || newest.mark == 1 && !mustBeNew, comment)
    #expect(newest.lines == [], comment)
    for step in try run.store.steps() {
      #expect(throws: Never.self, comment) { try run.store.open(step: step) }
    }
    // The next attempt succeeds and leaves nothing of this one.
    try run.checkpoint(30, mark: 3)
    try run.store.retain(newest: 1, through: 30, sparing: [])
    #expect(try run.names() == ["step-00000030"], comment)
    #expect(try run.newest() == (30, 3, []), comment)
  }

  @Test(arguments: Story.allCases) func nothingIsNamedOrRemovedTooEarly(story: Story) throws {
    let folder = try Folder(inMemory: true)
    try Self.prepare(folder, story)
    let faulty = FaultySystem()
    let run = Self.run(folder, faulty.system)
    try run.checkpoint(story == .again ? 10 : 20, mark: 2)
    #expect(faulty.early == [])
    #expect(!faulty.pending.contains(run.store.directory), "the checkpoint's name is not on disk")
    try run.store.retain(newest: 1, through: 20, sparing: [])
    #expect(faulty.early == [])
    try Self.checkAfterwards(folder, story, mustBeNew: true, "")
  }

  @Test(
    arguments: Story.allCases,
    [.fails(ENOSPC), .fails(EIO), .ends, .endsInTheMiddle] as [FaultySystem.Mode])
  func oneOfTheTwoIsWholeAfterAFaultAtAnyCall(story: Story, mode: FaultySystem.Mode) throws {
    var call = 0
    while true {
      let folder = try Folder(inMemory: true)
      try Self.prepare(folder, story)
      let faulty = FaultySystem(at: call, mode)
      let outcome = Result { try Self.write(Self.run(folder, faulty.system), story) }
      if case .failure(let error) = outcome {
        #expect(error is CheckpointError && !"\(error)".contains("\n"), "call \(call): \(error)")
      }
      try Self.checkAfterwards(
        folder, story, mustBeNew: (try? outcome.get()) != nil && !faulty.isDead, "call \(call)")
      if faulty.calls <= call { break }
      call += 1
    }
    #expect(call > 30, "a checkpoint takes more calls than that")
  }

  @Test(arguments: [EINTR, 0]) func interruptedCallsAndShortWritesDoNoHarm(code: Int32) throws {
    let folder = try Folder(inMemory: true)
    let turn = Mutex(0)
    let system = FileSystem { call, _ in
      turn.withLock { turn in
        turn += 1
        if code != 0 { return turn.isMultiple(of: 3) ? nil : .code(code) }
        return call == .write ? .half : nil
      }
    }
    let run = SampleRun(folder, system)
    for step in 1...3 { try run.checkpoint(step, mark: step) }
    try run.store.retain(newest: 1, through: 3, sparing: [])
    #expect(try SampleRun(folder).newest() == (3, 3, []))
    #expect(try run.names() == ["step-00000003"])
  }

  /// Whole pieces go past the page cache where the file system lets them. What is left of a short write may not be aligned.
  @Test(arguments: [1, 2, 40]) func shortWritesOnDiskDoNoHarm(halves: Int) throws {
    let folder = try Folder()
    let left = Mutex(halves)
    let system = FileSystem { call, _ in
      left.withLock { left in
        guard call == .write, left > 0 else { return nil }
        left -= 1
        return .half
      }
    }
    let store = CheckpointStore(directory: folder.path("checkpoints"), system)
    try store.begin(step: 1)
    let values = (0..<3 << 18 | 5).map { Float($0) }
    let file = try store.write(
      [SafetensorsSource("w", shape: [values.count], values)], metadata: [:], as: CheckpointFile.model,
      step: 1)
    try file.check(in: store.partialPath(1), checkingDigest: true)
    let model = try SafetensorsFile(path: "\(store.partialPath(1))/\(CheckpointFile.model)")
    #expect(try model.floats("w") == values)
  }

  @Test(arguments: [
    (ENOSPC, "No space left on device; free space or lower checkpoint.keep"),
    (EDQUOT, "Disk quota exceeded; free some of your quota or lower checkpoint.keep"),
    (EROFS, "Read-only file system; choose a directory that can be written"),
    (EACCES, "Permission denied; check who may write and read there, or choose another directory"),
    (EIO, "Input/output error; the disk or the way to it fails, the system's log says more"),
  ])
  func whatFailsIsNamedWithTheReasonAndWhatToDo(code: Int32, reason: String) throws {
    for (call, what) in [
      (FileSystem.Call.create, "the file cannot be written"), (.write, "the file cannot be written"),
      (.fsync, "the file cannot be brought to disk"),
    ] {
      let folder = try Folder(inMemory: true)
      let run = SampleRun(
        folder, FileSystem { $0 == call && $1.hasSuffix(CheckpointFile.model) ? .code(code) : nil })
      let error = #expect(throws: CheckpointError.self) { try run.checkpoint(4, mark: 1) }
      #expect(error?.description == "\(run.store.partialPath(4))/model.safetensors: \(what): \(reason)")
      #expect(try run.names() == [], "what was begun is given up")
    }
  }
}
