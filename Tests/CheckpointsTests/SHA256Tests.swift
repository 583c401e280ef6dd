import Foundation
import MPITestSupport
import Testing

@testable import Checkpoints

/// The oracle is `sha256sum`, of GNU coreutils.
@Suite struct SHA256Tests {
  static let kinds = SHA256.coreHasInstructions ? [true, false] : [false]

  /// The digests of contents, each a file of its own.
  static func expected(_ contents: [[UInt8]]) throws -> [String] {
    let folder = try Folder(inMemory: true)
    for (index, content) in contents.enumerated() { try folder.write(content, to: "\(index)") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "60", "sha256sum"] + contents.indices.map { folder.path("\($0)") }
    let lines = try output(of: process).split(separator: "\n")
    try #require(lines.count == contents.count && process.terminationStatus == 0)
    return lines.map { String($0.prefix(64)) }
  }

  static func part(_ bytes: [UInt8], _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void) {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// Up to where ten blocks come at once, which is two more than lanes of the portable body.
  @Test func everyLengthHasItsDigest() throws {
    let contents = (0...650).map { count in
      (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 8 &+ count) }
    }
    let expected = try Self.expected(contents)
    for usesInstructions in Self.kinds {
      for (content, expected) in zip(contents, expected) {
        var hash = SHA256(usesInstructions: usesInstructions)
        content.withUnsafeBytes { hash.update($0) }
        #expect(
          hash.hexadecimal == expected, "\(content.count) bytes, with instructions: \(usesInstructions)")
      }
    }
  }

  /// FIPS 180-4's examples of no, one and two blocks, and its million letters.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func aKnownTextHasItsDigest(text: String, digest: String) {
    #expect(SHA256.hexadecimal(of: text.utf8) == digest)
    for usesInstructions in Self.kinds {
      var hash = SHA256(usesInstructions: usesInstructions)
      Array(text.utf8).withUnsafeBytes { hash.update($0) }
      #expect(hash.hexadecimal == digest)
    }
  }

  /// A digest may be asked for in between, and says what came until then.
  @Test func twoContentsInPartsOfAnyLengthHaveEachItsOwnDigest() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for usesInstructions in Self.kinds {
      var (contents, digests): ([[UInt8]], [String]) = ([], [])
      for _ in 0..<200 {
        let pair = (0..<2).map { _ in
          (0..<Int.random(in: 0...2_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
          }
        }
        let step = [1, 64].randomElement(using: &random) ?? 1
        var first = SHA256(usesInstructions: usesInstructions)
        var second = first
        var ranges = [0..<0, 0..<0]
        while ranges[0].upperBound < pair[0].count || ranges[1].upperBound < pair[1].count {
          for (index, content) in pair.enumerated() {
            let start = ranges[index].upperBound
            let count = step * Int.random(in: 0...(content.count / 2 / step + 1), using: &random)
            ranges[index] = start..<min(content.count, start + count)
          }
          Self.part(pair[0], ranges[0]) { part in
            Self.part(pair[1], ranges[1]) { SHA256.update(&first, part, &second, $0) }
          }
          contents.append(Array(pair[0][..<ranges[0].upperBound]))
          digests.append(first.hexadecimal)
        }
        contents += pair
        digests += [first.hexadecimal, second.hexadecimal]
      }
      let expected = try Self.expected(contents)
      for index in contents.indices {
        #expect(digests[index] == expected[index], "seed \(seed), with instructions: \(usesInstructions)")
      }
    }
  }
}
