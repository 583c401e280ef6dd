import Testing

@testable import Datasets

@Suite struct FileBytesTests {
  /// `printf 'label\tsequence\n%.0s' {1..3} | gzip -9n`: made by gzip 1.12.
  static let packed: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xCB, 0x49, 0x4C, 0x4A, 0xCD, 0xE1, 0x2C,
    0x4E, 0x2D, 0x2C, 0x4D, 0xCD, 0x4B, 0x4E, 0xE5, 0xCA, 0xC1, 0xCB, 0x05, 0x00, 0x23, 0xE5, 0x18, 0xEE,
    0x2D, 0x00, 0x00, 0x00,
  ]
  static let text = String(repeating: "label\tsequence\n", count: 3)

  static func read(_ bytes: [UInt8]) throws -> [UInt8] {
    let file = try TemporaryFile(bytes, extension: "gz")
    let reader = try FileBytes.open(path: file.path)
    return try reader.readToEnd()
  }

  @Test func packedFilesAreReadAsTheyWere() throws {
    for bytes in [Self.packed, Array(Self.text.utf8)] {
      let file = try TemporaryFile(bytes, extension: "txt")
      let reader = try FileBytes.open(path: file.path)
      #expect(try reader.read(7) == Array(Self.text.utf8.prefix(7)))
      #expect(try reader.readToEnd() == Array(Self.text.utf8.dropFirst(7)))
      #expect(try reader.read(7) == [])
    }
    // Two packed files, one after another, are one.
    #expect(try Self.read(Self.packed + Self.packed) == Array((Self.text + Self.text).utf8))
  }

  @Test func aPackedFileThatIsCutOffIsAnError() throws {
    for count in 10..<Self.packed.count {
      let error = #expect(throws: DatasetError.self, "\(count) bytes") {
        try Self.read(Array(Self.packed.prefix(count)))
      }
      #expect(
        error?.problem == "the gzip file cannot be unpacked (it is cut off); copy it again", "\(count) bytes")
    }
  }

  /// But for the few bits that fill up the last byte of the packed data, which mean nothing.
  @Test func aChangedBitIsAnErrorAndNeverACrash() throws {
    var unnoticed = 0
    for bit in 8 * 10..<8 * Self.packed.count {
      var bytes = Self.packed
      bytes[bit / 8] ^= 1 << (bit % 8)
      switch Result(catching: { try Self.read(bytes) }) {
      case .success(let unpacked):
        #expect(unpacked == Array(Self.text.utf8), "bit \(bit)")
        unnoticed += 1
      case .failure(let error):
        #expect("\(error)".contains("the gzip file cannot be unpacked ("), "bit \(bit)")
      }
    }
    #expect(unnoticed < 8)
  }

  @Test func aMissingFileAndADirectoryAreNamed() throws {
    var error = #expect(throws: DatasetError.self) { try FileBytes.open(path: "/no/such").readToEnd() }
    #expect(error?.description == "/no/such: the file cannot be opened: No such file or directory")
    error = #expect(throws: DatasetError.self) { try FileBytes.open(path: "/tmp").readToEnd() }
    #expect(error?.description == "/tmp: the file cannot be read: Is a directory")
  }
}
