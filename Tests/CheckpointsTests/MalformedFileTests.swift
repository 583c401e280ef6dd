import Glibc
import Testing

@testable import Checkpoints

enum Malformed {
  /// A file with a header as it is given.
  static func file(_ json: String, data: [UInt8] = []) -> [UInt8] {
    let header = Array(json.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + data
  }

  /// Eight tensors of 2^60 - 1 bytes each: the file would end beyond what a byte's place can be.
  static let endless: String = {
    let bytes = (1 << 60) - 1
    let tensors = (0..<8).map { index in
      #""\#(index)":{"dtype":"U8","shape":[\#(bytes)],"data_offsets":[\#(index * bytes),\#((index + 1) * bytes)]}"#
    }
    return "{\(tensors.joined(separator: ","))}"
  }()

  /// One tensor of four bytes, with the members given.
  static func one(_ members: String) -> [UInt8] { file("{\"x\":{\(members)}}", data: [0, 0, 0, 0]) }
}

@Suite struct MalformedFileTests {
  static func problem(_ bytes: [UInt8]) throws -> String {
    let folder = try Folder(["f": bytes])
    do {
      _ = try SafetensorsFile(path: folder.path("f"))
      return "no error"
    } catch {
      #expect(!error.description.contains("\n"))
      return error.problem
    }
  }

  static let good = #""dtype":"F32","shape":[1],"data_offsets":[0,4]"#

  static let wrong: [(bytes: [UInt8], problem: String)] = [
    ([], "this is no safetensors file: it has 0 bytes, and its header alone takes more"),
    ([1, 0, 0], "this is no safetensors file: it has 3 bytes, and its header alone takes more"),
    (
      [UInt8](repeating: 0xFF, count: 16),
      "this is no safetensors file: its first 8 bytes announce a header of 18446744073709551615 bytes"
    ),
    (
      [0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0],
      "this is no safetensors file: its first 8 bytes announce a header of 100000001 bytes"
    ),
    ([9, 0, 0, 0, 0, 0, 0, 0, 0x7B], "the file is cut off: its header ends at byte 17, and it has 9 bytes"),
    (
      Malformed.file(Malformed.endless),
      "the file is cut off: its tensors end beyond 2^63 bytes, and it has \(8 + Malformed.endless.utf8.count) bytes; copy it again"
    ),
    (Malformed.file(""), "the header is broken at its byte 0: expected an object"),
    (Malformed.file("[]"), "the header is broken at its byte 0: expected an object"),
    (Malformed.file("{} x"), "the header is broken at its byte 3: expected nothing more"),
    (Malformed.file("{"), "the header is broken at its byte 1: expected a string"),
    (Malformed.file(#"{"a"#), "the header is broken at its byte 2: a string does not end"),
    (
      Malformed.file(#"{"a\q":1}"#),
      "the header is broken at its byte 5: a backslash in a string is followed by no known letter"
    ),
    (Malformed.file(#"{"\ud800":1}"#), "the header is broken at its byte 8: half of a character in a string"),
    (Malformed.file("{\"\u{1}\":1}"), "the header is broken at its byte 2: a control character in a string"),
    (
      [5, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF, 0x22, 0x7D],
      "the header is broken at its byte 2: a string is no UTF-8"
    ),
    (Malformed.file(#"{"x":1}"#), "the header is broken at its byte 5: expected an object"),
    (
      Malformed.one(#""dtype":"F32","shape":[1]"#),
      "the header is broken at its byte 5: tensor \"x\": expected the keys dtype, shape and data_offsets"
    ),
    (
      Malformed.one(good + #","shape":[1]"#),
      "the header is broken at its byte 5: tensor \"x\": the key \"shape\" is unknown or occurs twice"
    ),
    (
      Malformed.one(good + #","order":1"#),
      "the header is broken at its byte 5: tensor \"x\": the key \"order\" is unknown or occurs twice"
    ),
    (
      Malformed.one(#""dtype":"F33","shape":[1],"data_offsets":[0,4]"#),
      "the header is broken at its byte 5: tensor \"x\": the element type \"F33\" is unknown"
    ),
    (
      Malformed.one(#""dtype":"F32","shape":[2],"data_offsets":[0,4]"#),
      "the header is broken at its byte 5: tensor \"x\": F32 of shape [2] takes 8 bytes, and data_offsets span 4"
    ),
    (
      Malformed.one(#""dtype":"F4","shape":[3],"data_offsets":[0,4]"#),
      "the header is broken at its byte 5: tensor \"x\": F4 of shape [3] takes no possible number of bytes, and data_offsets span 4"
    ),
    (
      Malformed.one(#""dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]"#),
      "the header is broken at its byte 5: tensor \"x\": F32 of shape [4294967296, 4294967296] takes no possible number of bytes, and data_offsets span 0"
    ),
    (
      Malformed.one(#""dtype":"F32","shape":[1],"data_offsets":[4,0]"#),
      "the header is broken at its byte 5: tensor \"x\": expected data_offsets of a start and an end, found [4, 0]"
    ),
    (
      Malformed.one(#""dtype":"F32","shape":[-1],"data_offsets":[0,4]"#),
      "the header is broken at its byte 29: expected an integer of at least 0"
    ),
    (
      Malformed.one(#""dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]"#),
      "the header is broken at its byte 29: an integer is too large"
    ),
    (
      Malformed.file("{\"x\":{\(good)},\"x\":{\(good)}}", data: [0, 0, 0, 0]),
      "the header is broken at its byte 58: the name \"x\" occurs twice"
    ),
    (
      Malformed.file(#"{"__metadata__":{"a":"1","a":"2"}}"#),
      "the header is broken at its byte 32: the metadata \"a\" occur twice"
    ),
    (Malformed.file(#"{"__metadata__":{"a":1}}"#), "the header is broken at its byte 21: expected a string"),
    (
      Malformed.file("{\"x\":{\(good)},\"y\":{\(good)}}", data: [0, 0, 0, 0]),
      "the header is broken at its byte 0: tensor \"y\": overlaps \"x\", which ends at 4"
    ),
    (
      Malformed.file(
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, data: [0, 0, 0, 0, 0, 0, 0, 0]),
      "the header is broken at its byte 0: tensor \"x\": begins at 4, and bytes from 0 on belong to no tensor"
    ),
    (
      Malformed.file("{\"x\":{\(good)}}", data: [0, 0, 0]),
      "the file is cut off: its tensors end at byte 66, and it has 65 bytes; copy it again"
    ),
    (
      Malformed.file("{\"x\":{\(good)}}", data: [0, 0, 0, 0, 0]),
      "the file goes on after its last tensor, which ends at byte 66 of 67"
    ),
  ]

  @Test(arguments: wrong)
  func aFileThatIsWrongGetsOneLine(bytes: [UInt8], expected: String) throws {
    #expect(try Self.problem(bytes) == expected)
  }

  @Test func unusualFilesThatAreRightAreRead() throws {
    let files = [
      Malformed.file("{}"), Malformed.file(" \n{ } \t\r\n"),
      Malformed.file("{\"__metadata__\":{},\"x\" : { \(Self.good) } }   ", data: [1, 2, 3, 4]),
      Malformed.file(#"{"x":{"data_offsets":[0,2],"shape":[4],"dtype":"F4"}}"#, data: [1, 2]),
      Malformed.file(
        #"{"\ud83d\ude00\u00e9\/":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}}"#, data: [1]),
    ]
    for bytes in files {
      let folder = try Folder(["f": bytes])
      #expect(throws: Never.self) { try SafetensorsFile(path: folder.path("f")) }
    }
    let folder = try Folder(["f": files[4]])
    #expect(try SafetensorsFile(path: folder.path("f")).tensors.map(\.name) == ["😀é/"])
  }

  /// Bytes changed, cut, repeated and added at random: a file that is read, or an error, and never a crash.
  @Test func brokenFilesNeverCrash() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    let folder = try Folder()
    let tokens = ["{", "}", "[", "]", ",", ":", "\"", "\\", "0", "9", "18446744073709551616", "\\u", "F32"]
    for round in 0..<800 {
      var bytes = SafetensorsFileTests.known
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        let at = Int.random(in: 0..<max(bytes.count, 1), using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes = Array(bytes.prefix(at))
        case 1: bytes.insert(contentsOf: tokens.randomElement(using: &random)!.utf8, at: min(at, bytes.count))
        case 2: bytes.insert(contentsOf: bytes.dropFirst(at).prefix(20), at: min(at, bytes.count))
        case 3:
          if at + 9 < bytes.count { bytes.removeSubrange(at..<at + Int.random(in: 1...9, using: &random)) }
        default: if at < bytes.count { bytes[at] = UInt8.random(in: 0...255, using: &random) }
        }
      }
      // Half the time the length fits, so that the header is reached.
      if round.isMultiple(of: 2), bytes.count > 52 {
        let header = bytes.count - 52
        for i in 0..<8 { bytes[i] = UInt8(truncatingIfNeeded: header >> (8 * i)) }
      }
      try folder.write(bytes, to: "f")
      do {
        let file = try SafetensorsFile(path: folder.path("f"))
        for tensor in file.tensors where tensor.type == .float32 {
          #expect(try file.floats(tensor.name).count == tensor.count, "seed \(seed)")
        }
      } catch {
        #expect(!"\(error)".contains("\n"), "seed \(seed)")
      }
    }
  }

  @Test func aPipeIsNotWaitedFor() throws {
    let folder = try Folder()
    try #require(mkfifo(folder.path("f"), 0o600) == 0)
    let error = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: folder.path("f")) }
    #expect(error?.problem == "expected a regular file")
  }

  @Test func aFileThatBecameShorterIsNoCrash() throws {
    let folder = try Folder(["f": SafetensorsFileTests.known])
    let file = try SafetensorsFile(path: folder.path("f"))
    truncate(folder.path("f"), 360)
    let error = #expect(throws: CheckpointError.self) { try file.floats("b.weight") }
    #expect(error?.problem == "the file became shorter while it was read")
  }

  @Test func aMissingFileAndAFolderAreNamed() throws {
    var error = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: "/no/such") }
    #expect(error?.description == "/no/such: the file cannot be opened: No such file or directory")
    error = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: "/tmp") }
    #expect(error?.description == "/tmp: expected a regular file")
  }
}
