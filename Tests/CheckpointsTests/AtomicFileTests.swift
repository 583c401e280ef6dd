import Glibc
import Testing

@testable import Checkpoints

@Suite struct AtomicFileTests {
  static func append(_ text: String, to file: inout AtomicFile) throws {
    var text = text
    try text.withUTF8 { try file.append(UnsafeRawBufferPointer($0)) }
  }

  @Test func theOldFileStaysUntilTheNewOneIsComplete() throws {
    let folder = try Folder(["f": Array("old".utf8)])
    var file = try AtomicFile(path: folder.path("f"))
    try Self.append("brand ", to: &file)
    #expect(try folder.bytes("f") == Array("old".utf8))
    #expect(try folder.names().count == 2)
    try Self.append("new", to: &file)
    #expect(try file.commit() == 9)
    #expect(try folder.bytes("f") == Array("brand new".utf8))
    #expect(try folder.names() == ["f"])
  }

  @Test func aFileThatIsGivenUpLeavesNothing() throws {
    let folder = try Folder(["f": Array("old".utf8)])
    do {
      var file = try AtomicFile(path: folder.path("f"))
      try Self.append("new", to: &file)
    }
    #expect(try folder.names() == ["f"])
    #expect(try folder.bytes("f") == Array("old".utf8))
  }

  @Test func whatAKilledProcessLeftGoesAndOnlyThat() throws {
    let others = [".f.partial", "f.1.partial", ".g.1.partial", ".f.1.other", ".ff.1.partial"]
    let folder = try Folder(
      Dictionary(uniqueKeysWithValues: (others + [".f.0x9.partial", "f"]).map { ($0, [1]) }))
    AtomicFile.removePartial(of: ["f"], in: folder.path("."))
    #expect(try Set(folder.names()) == Set(others + ["f"]))
    try AtomicFile.write([], to: folder.path("f"))
    #expect(try folder.bytes("f").isEmpty)
  }

  @Test func aFileThatCannotBeWrittenIsNamed() throws {
    let folder = try Folder()
    var error = #expect(throws: CheckpointError.self) { _ = try AtomicFile(path: folder.path("no/f")) }
    #expect(error?.problem == "the file cannot be written: No such file or directory")
    #expect(mkdir(folder.path("d"), 0o755) == 0)
    error = #expect(throws: CheckpointError.self) {
      try SafetensorsFile.write(SafetensorsFileTests.sources, to: folder.path("d"))
    }
    #expect(error?.problem == "the file cannot be renamed to its place: Is a directory")
    #expect(try folder.names() == ["d"])
  }
}
