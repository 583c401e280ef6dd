import Foundation
import Testing

@testable import Checkpoints

/// Checkpoints that something has happened to after they were written.
@Suite struct BrokenCheckpointTests {
  static let files = SampleRun.files + ["manifest.json"]

  /// A run with whole checkpoints of steps 800 and 1000.
  static func run(_ folder: Folder) throws -> SampleRun {
    var run = SampleRun(folder)
    run.elements = 40
    try run.checkpoint(800, mark: 8)
    try run.checkpoint(1_000, mark: 10)
    return run
  }

  /// What the newest whole checkpoint of the run is, and the one line about the step 1000.
  static func fallback(_ run: SampleRun) throws -> String {
    let newest = try run.newest()
    #expect(newest.step == 800 && newest.mark == 8)
    try #require(newest.lines.count == 1)
    let error = #expect(throws: CheckpointError.self) { try run.store.open(step: 1_000) }
    #expect(newest.lines[0] == "\(error.map(String.init(describing:)) ?? ""); falling back to step-00000800")
    let place = run.store.path(1_000)
    #expect(newest.lines[0].hasPrefix(place))
    return String(newest.lines[0].dropFirst(place.count))
  }

  @Test(arguments: files) func aFileThatIsCutOffIsNoticed(name: String) throws {
    let folder = try Folder()
    let run = try Self.run(folder)
    let path = "checkpoints/step-00001000/\(name)"
    let bytes = try folder.bytes(path)
    for count in [0, 1, bytes.count / 2, bytes.count - 1] {
      try folder.write(Array(bytes[..<count]), to: path)
      let line = try Self.fallback(run)
      let expected =
        name == "manifest.json"
        ? "/manifest.json: digest differs: the manifest was changed or cut off, or the disk is failing"
        : "/\(name): the file is cut off: it has \(count) bytes, and the manifest says \(bytes.count)"
      #expect(line == "\(expected); falling back to step-00000800")
    }
    try folder.write(bytes + [0], to: path)
    #expect(try Self.fallback(run).hasPrefix("/\(name): "))
  }

  @Test(arguments: files) func oneFlippedBitIsNoticed(name: String) throws {
    let folder = try Folder()
    let run = try Self.run(folder)
    let path = "checkpoints/step-00001000/\(name)"
    let bytes = try folder.bytes(path)
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for _ in 0..<20 {
      var changed = bytes
      changed[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try folder.write(changed, to: path)
      let line = try Self.fallback(run)
      #expect(line.hasPrefix("/\(name): digest differs: "), "seed \(seed): \(line)")
    }
    try folder.write(bytes, to: path)
    #expect(try run.newest() == (1_000, 10, []))
  }

  /// The manifest vouches for itself: every bit of it.
  @Test func everyBitOfTheManifestCounts() throws {
    let json = CheckpointManifest(
      step: 1_000, files: [CheckpointFile(name: "state.json", bytes: 9, sha256: "00ff")]
    ).json
    #expect(try CheckpointManifest(json, path: "m").step == 1_000)
    for bit in 0..<8 * json.count {
      var changed = json
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      let error = #expect(throws: CheckpointError.self) { try CheckpointManifest(changed, path: "m") }
      #expect(error?.problem.hasPrefix("digest differs: ") == true)
    }
  }

  @Test(arguments: files) func aMissingFileIsNamed(name: String) throws {
    let folder = try Folder()
    let run = try Self.run(folder)
    try FileManager.default.removeItem(atPath: "\(run.store.path(1_000))/\(name)")
    let line = try Self.fallback(run)
    let expected =
      name == "manifest.json"
      ? ": this is no checkpoint: it has no manifest.json; name a folder such as RUN/checkpoints/step-00001000"
      : "/\(name): the file is missing"
    #expect(line == "\(expected); falling back to step-00000800")
  }

  @Test func moreFilesThanTheManifestHasDoNoHarm() throws {
    let folder = try Folder()
    let run = try Self.run(folder)
    for name in ["notes.txt", "optimizer-00002-of-00003.safetensors"] {
      try folder.write([1], to: "checkpoints/step-00001000/\(name)")
    }
    #expect(try run.newest() == (1_000, 10, []))
    let notes = try run.store.open(step: 1_000).manifest.files.map(\.name)
    #expect(notes == SampleRun.files.sorted())
  }

  static func manifest(_ members: String) -> [UInt8] {
    let content = "{\n\(members),\n"
    let digest = SHA256.hexadecimal(of: content.utf8)
    return Array("\(content)  \"sha256\": \"\(digest)\"\n}\n".utf8)
  }

  @Test(arguments: [
    (
      #""format": "rondo checkpoint", "version": 2, "parts": []"#,
      "the checkpoint has format 2, and this version of Rondo reads formats up to 1; read it with the version that wrote it"
    ),
    (#""format": "rondo checkpoint", "version": 0"#, "this is no manifest of a checkpoint"),
    (#""format": "something else", "version": 1"#, "this is no manifest of a checkpoint"),
    (#""version": 1"#, "this is no manifest of a checkpoint"),
    (#""format": "rondo checkpoint", "version": 1"#, "the manifest lacks what its format asks for"),
    (
      #""format": "rondo checkpoint", "version": 1, "step": 1, "files": [{"name": "../x", "bytes": 1, "sha256": ""}]"#,
      "the manifest lacks what its format asks for"
    ),
  ])
  func aManifestThatIsNotReadGetsOneLine(members: String, expected: String) throws {
    let folder = try Folder()
    let run = try Self.run(folder)
    try folder.write(Self.manifest(members), to: "checkpoints/step-00001000/manifest.json")
    #expect(try Self.fallback(run) == "/manifest.json: \(expected); falling back to step-00000800")
  }

  @Test func aCheckpointUnderAnotherStepsNameIsNotTaken() throws {
    let folder = try Folder()
    let run = try Self.run(folder)
    try FileManager.default.moveItem(atPath: run.store.path(1_000), toPath: run.store.path(1_200))
    let newest = try run.newest()
    #expect(newest.step == 800)
    #expect(
      newest.lines == [
        "\(run.store.path(1_200)): this is the checkpoint of step 1000; give the folder its name back; "
          + "falling back to step-00000800"
      ])
    // A user may have named it so, and means what is in it.
    #expect(try run.mark(of: StoredCheckpoint(path: run.store.path(1_200))) == 10)
  }

  @Test func whenNoneIsWholeEachGetsALine() throws {
    let folder = try Folder()
    let run = try Self.run(folder)
    for step in [800, 1_000] {
      try folder.write([], to: "checkpoints/\(CheckpointStore.name(step))/state.json")
    }
    let newest = try run.newest()
    #expect(newest.step == nil && newest.lines.count == 2)
    #expect(newest.lines.last?.hasSuffix("; there is no older checkpoint") == true)
  }

  @Test func sizesAloneAreComparedOnRequest() throws {
    let folder = try Folder()
    let run = try Self.run(folder)
    let path = "checkpoints/step-00001000/state.json"
    try folder.write(try folder.bytes(path).reversed(), to: path)
    #expect(throws: Never.self) {
      try StoredCheckpoint(path: run.store.path(1_000), checkingDigests: false)
    }
    #expect(throws: CheckpointError.self) { try StoredCheckpoint(path: run.store.path(1_000)) }
  }

  @Test func whatIsNoCheckpointIsNamedWithWhatToNameInstead() throws {
    let folder = try Folder(["file": [1]])
    let run = try Self.run(folder)
    func problem(_ path: String) -> String? {
      #expect(throws: CheckpointError.self) { try StoredCheckpoint(path: path) }?.problem
    }
    let example = "RUN/checkpoints/step-00001000"
    let nothing = "there is no such folder; a checkpoint is one, such as \(example)"
    #expect(problem(folder.path("nowhere")) == nothing)
    #expect(problem(folder.path("file")) == nothing)
    let newest =
      "this is no checkpoint: it has no manifest.json; the newest below it is \(run.store.path(1_000))"
    #expect(problem(folder.path("checkpoints")) == newest)
    #expect(problem(folder.root) == newest)
    #expect(
      problem("/tmp/..") == "this is no checkpoint: it has no manifest.json; name a folder such as \(example)"
    )
  }

  @Test func shardsThatDoNotBelongTogetherAreNamed() throws {
    let run = SampleRun(try Folder())
    try run.store.begin(step: 1)
    var files: [CheckpointFile] = []
    for name in [CheckpointFile.optimizer(0, of: 3), CheckpointFile.optimizer(2, of: 3)] {
      files.append(try run.store.write([], metadata: [:], as: name, step: 1))
    }
    try run.store.commit(step: 1, files: files)
    let checkpoint = try run.store.open(step: 1)
    var error = #expect(throws: CheckpointError.self) { try checkpoint.optimizerShards() }
    #expect(
      error?.problem
        == "expected optimizer-00000-of-00002.safetensors, optimizer-00001-of-00002.safetensors, found "
        + "optimizer-00000-of-00003.safetensors, optimizer-00002-of-00003.safetensors")
    error = #expect(throws: CheckpointError.self) { try checkpoint.model() }
    #expect(error?.problem == "the checkpoint has no model.safetensors")
  }
}
