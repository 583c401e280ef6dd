import Foundation
import Testing

@testable import Checkpoints

@Suite struct CheckpointStoreTests {
  @Test func aCheckpointComesBackWhole() throws {
    let folder = try Folder()
    let run = SampleRun(folder)
    #expect(try run.store.steps() == [])
    #expect(try run.newest().step == nil)
    try run.checkpoint(1_000, mark: 3)
    #expect(try folder.names("checkpoints") == ["step-00001000"])
    #expect(try folder.names("checkpoints/step-00001000") == (SampleRun.files + ["manifest.json"]).sorted())
    #expect(try run.newest() == (1_000, 3, []))
    let opened = try run.store.open(step: 1_000)
    #expect(try run.mark(of: opened) == 3)
    #expect(opened.path == folder.path("checkpoints/step-00001000"))
    let named = try StoredCheckpoint(path: opened.path + "/")
    #expect(named.step == 1_000 && named.path == opened.path && named.manifest == opened.manifest)
  }

  @Test func theManifestHasTheSizeAndDigestOfEachFile() throws {
    let folder = try Folder()
    try SampleRun(folder).checkpoint(7, mark: 1)
    let manifest = try JSONSerialization.jsonObject(
      with: Data(folder.bytes("checkpoints/step-00000007/manifest.json")))
    let object = try #require(manifest as? [String: Any])
    #expect(object["format"] as? String == "rondo checkpoint")
    #expect(object["version"] as? Int == 1 && object["step"] as? Int == 7)
    let files = try #require(object["files"] as? [[String: Any]])
    #expect(files.map { $0["name"] as? String } == SampleRun.files.sorted())
    for file in files {
      let bytes = try folder.bytes("checkpoints/step-00000007/\(file["name"] ?? "")")
      #expect(file["bytes"] as? Int == bytes.count)
      let digest = SHA256.hexadecimal(of: bytes)
      #expect(file["sha256"] as? String == digest)
    }
  }

  @Test func sizesAroundThePieceAreHashedWhole() throws {
    let folder = try Folder()
    let run = SampleRun(folder)
    try run.store.begin(step: 1)
    let piece = 1 << 18
    for size in [0, 1, piece - 1, piece, piece + 1, 3 * piece + 17] {
      let bytes = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) })
      let file = try run.store.write(bytes, as: "f\(size)", step: 1)
      #expect(file.bytes == size)
      #expect(file.sha256 == SHA256.hexadecimal(of: bytes))
      try file.check(in: run.store.partialPath(1), checkingDigest: true)
    }
  }

  @Test(arguments: [[5, 700_001], [1 << 20, 1 << 20], [0, 300_000, 17, 1 << 18, 262_207, 3]])
  func filesThatAreWrittenTogetherHaveEachItsOwnContentAndDigest(sizes: [Int]) throws {
    let folder = try Folder()
    let run = SampleRun(folder)
    try run.store.begin(step: 1)
    let contents = sizes.enumerated().map { index, size in
      Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 29 &+ $0 >> 7 &+ index) })
    }
    let files = try run.store.write(
      contents.enumerated().map { UnwrittenFile("f\($0)", $1) }, step: 1)
    #expect(files.map(\.name) == sizes.indices.map { "f\($0)" } && files.map(\.bytes) == sizes)
    for (file, content) in zip(files, contents) {
      #expect(file.sha256 == SHA256.hexadecimal(of: content))
      #expect(try Data(folder.bytes("checkpoints/.step-00000001.partial/\(file.name)")) == content)
    }
  }

  @Test func namesThatAreNoStepsAreIgnored() throws {
    let folder = try Folder()
    let run = SampleRun(folder)
    for step in [100_000_000, 0, 99_999_999, 5] { try run.checkpoint(step, mark: 1) }
    for name in ["step-5", "step-000000005", "step-0000000x", "step--0000001", "best", ".step-00000006.old"] {
      try FileManager.default.createDirectory(
        atPath: "\(run.store.directory)/\(name)", withIntermediateDirectories: false)
    }
    try folder.write([1], to: "checkpoints/step-00000009")
    #expect(try run.store.steps() == [0, 5, 99_999_999, 100_000_000])
    #expect(try run.newest().step == 100_000_000)
  }

  @Test func whatAnEarlierAttemptLeftIsRemoved() throws {
    let folder = try Folder()
    let run = SampleRun(folder)
    try run.checkpoint(10, mark: 1)
    for name in [".step-00000011.partial", ".step-00000020.partial", ".step-00000004.removed"] {
      let path = "\(run.store.directory)/\(name)/deeper"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try folder.write([1, 2], to: "checkpoints/\(name)/deeper/file")
    }
    #expect(try run.newest() == (10, 1, []))
    try run.checkpoint(20, mark: 2)
    #expect(try run.names() == ["step-00000010", "step-00000020"])
  }

  @Test func aStepThatIsWrittenAgainIsReplaced() throws {
    let folder = try Folder()
    let run = SampleRun(folder)
    try run.checkpoint(10, mark: 1)
    try run.checkpoint(20, mark: 2)
    try run.checkpoint(10, mark: 3)
    #expect(try run.mark(of: run.store.open(step: 10)) == 3)
    #expect(try run.names() == ["step-00000010", "step-00000020"])
  }

  @Test func aCheckpointThatIsGivenUpLeavesNothing() throws {
    let folder = try Folder()
    let run = SampleRun(folder)
    try run.checkpoint(10, mark: 1)
    try run.store.begin(step: 20)
    _ = try run.store.write(Data([1]), as: CheckpointFile.state, step: 20)
    #expect(try run.store.steps() == [10])
    run.store.abandon(step: 20)
    #expect(try run.names() == ["step-00000010"])
  }

  @Test func ranksThatDoNotShareTheFolderAreTold() throws {
    let run = SampleRun(try Folder())
    var error = #expect(throws: CheckpointError.self) {
      try run.store.write(Data(), as: CheckpointFile.state, step: 3)
    }
    let advice = "; put the run directory on a file system that all hosts of the job share"
    #expect(error?.problem == "the folder was made and is not there\(advice)")
    try run.store.begin(step: 3)
    let state = try run.store.write(Data([1]), as: CheckpointFile.state, step: 3)
    let other = CheckpointFile(name: CheckpointFile.optimizer(1, of: 2), bytes: 1, sha256: state.sha256)
    error = #expect(throws: CheckpointError.self) { try run.store.commit(step: 3, files: [state, other]) }
    #expect(
      error?.description
        == "\(run.store.partialPath(3))/optimizer-00001-of-00002.safetensors: the file was written and is not there\(advice)"
    )
    #expect(try run.store.steps() == [])
  }

  @Test func aFileIsWrittenOnce() throws {
    let run = SampleRun(try Folder())
    try run.store.begin(step: 3)
    _ = try run.store.write(Data([1]), as: CheckpointFile.state, step: 3)
    let error = #expect(throws: CheckpointError.self) {
      try run.store.write(Data([1]), as: CheckpointFile.state, step: 3)
    }
    #expect(error?.problem == "the file cannot be written: File exists")
  }

  // MARK: Retention

  @Test func theNewestAndTheSparedStay() throws {
    let run = SampleRun(try Folder())
    for step in [10, 20, 30, 40, 50, 60] { try run.checkpoint(step, mark: step) }
    try run.store.retain(newest: 2, through: 60, sparing: [10, 30, 50, 77])
    #expect(try run.store.steps() == [10, 30, 50, 60])
    try run.store.retain(newest: 1, through: 60, sparing: [])
    #expect(try run.names() == ["step-00000060"])
    try run.store.retain(newest: 9, through: 60, sparing: [])
    #expect(try run.newest() == (60, 60, []))
  }

  @Test func laterStepsOfAnEarlierRunStayAndDoNotCount() throws {
    let run = SampleRun(try Folder())
    for step in [10, 20, 30, 40, 50] { try run.checkpoint(step, mark: step) }
    try run.store.retain(newest: 1, through: 30, sparing: [])
    #expect(try run.store.steps() == [30, 40, 50])
  }

  /// Two checkpoints that lack something must not push the last whole one out.
  @Test func whatIsNotWholeDoesNotCountAmongTheNewest() throws {
    let folder = try Folder()
    let run = SampleRun(folder)
    for step in [10, 20, 30, 40] { try run.checkpoint(step, mark: step) }
    try FileManager.default.removeItem(atPath: "\(run.store.path(40))/state.json")
    try folder.write([1, 2, 3], to: "checkpoints/step-00000030/model.safetensors")
    try run.store.retain(newest: 1, through: 40, sparing: [])
    #expect(try run.store.steps() == [20, 30, 40])
    #expect(try run.newest().mark == 20)
  }
}
