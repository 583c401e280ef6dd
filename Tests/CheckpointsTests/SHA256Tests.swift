import Crypto
import Testing

@testable import Checkpoints

/// The library is the oracle.
@Suite struct FileDigestTests {
  static let kinds = FileDigest.coreHasInstructions ? [true, false] : [false]

  static func expected(_ bytes: [UInt8]) -> String { SHA256.hash(data: bytes).hexadecimal }

  /// Whole blocks up to `end`.
  static func blocks(_ bytes: [UInt8], _ start: Int, _ end: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
  }

  @Test(arguments: kinds) func everyLengthAroundBlocksHasTheDigestOfTheLibrary(usesCore: Bool) {
    for count in 0...200 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      let digest = FileDigest(usesCore: usesCore)
      #expect(bytes.withUnsafeBytes { digest.finish($0) } == Self.expected(bytes), "\(count) bytes")
    }
  }

  /// FIPS 180-4's example of two blocks.
  @Test(arguments: kinds) func aKnownTextHasItsDigest(usesCore: Bool) {
    let text = Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)
    let digest = FileDigest(usesCore: usesCore)
    #expect(
      text.withUnsafeBytes { digest.finish($0) }
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
  }

  @Test(arguments: kinds) func twoContentsInStepsOfAnyBlocksHaveEachItsOwnDigest(usesCore: Bool) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for round in 0..<200 {
      let contents = (0..<2).map { _ in
        (0..<Int.random(in: 0...2_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      }
      var digests = [FileDigest(usesCore: usesCore), FileDigest(usesCore: usesCore)]
      var starts = [0, 0]
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let ends = (0..<2).map {
          starts[$0] + 64 * Int.random(in: 0...(contents[$0].count - starts[$0]) / 64, using: &random)
        }
        var (first, second) = (digests[0], digests[1])
        Self.blocks(contents[0], starts[0], ends[0]) { part in
          Self.blocks(contents[1], starts[1], ends[1]) { FileDigest.update(&first, part, &second, $0) }
        }
        (digests, starts) = ([first, second], ends)
      }
      for (index, content) in contents.enumerated() {
        let digest = digests[index]
        let found = content[starts[index]...].withUnsafeBytes { digest.finish($0) }
        #expect(found == Self.expected(content), "seed \(seed), round \(round), content \(index)")
      }
    }
  }
}
