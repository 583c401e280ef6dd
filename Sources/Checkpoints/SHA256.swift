import CSHA256

/// SHA-256 (FIPS 180-4) of bytes that come from front to back, of two contents at a time in the time of one.
///
/// A core with instructions for it is kept waiting by one content (`CSHA256`). Libraries hash one at a time, and compiling the one for Swift took
/// three of the seven minutes of a first build.
package struct SHA256 {
  /// Bytes that are hashed at once.
  private static let blockBytes = 64
  package static let coreHasInstructions = rondo_sha256_is_available() != 0

  private let usesInstructions: Bool
  /// The initial value is that of section 5.3.3.
  private var state = SIMD8<UInt32>(
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)
  /// Bytes in the state.
  private var count = 0
  /// What came after the last whole block.
  private var rest: [UInt8] = []

  /// - Parameter usesInstructions: whether the core's instructions are used, which it must have.
  package init(usesInstructions: Bool = Self.coreHasInstructions) {
    self.usesInstructions = usesInstructions
  }

  /// - Returns: the digest of these bytes, in hexadecimal.
  package static func hexadecimal(of bytes: some Sequence<UInt8>) -> String {
    var hash = SHA256()
    Array(bytes).withUnsafeBytes { hash.update($0) }
    return hash.hexadecimal
  }

  /// Where the bytes lie that come after those at hand, and where they will be copied to before they are hashed, as far as that is known. Both are
  /// fetched into the cache meanwhile; nothing is read or written there.
  package struct Ahead {
    var source: UnsafeRawPointer?
    var target: UnsafeRawPointer?

    package init(source: UnsafeRawPointer? = nil, target: UnsafeRawPointer? = nil) {
      self.source = source
      self.target = target
    }
  }

  /// Takes in the next bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer, ahead: Ahead = Ahead()) {
    var bytes = bytes
    if !rest.isEmpty {
      let missing = min(Self.blockBytes - rest.count, bytes.count)
      rest += bytes[..<missing]
      bytes = UnsafeRawBufferPointer(rebasing: bytes[missing...])
      guard rest.count == Self.blockBytes else { return }
      rest.withUnsafeBytes { [usesInstructions] in
        Self.update(&state, $0.baseAddress, ahead: Ahead(), blocks: 1, usesInstructions)
      }
      count += Self.blockBytes
      rest.removeAll(keepingCapacity: true)
    }
    let blocks = bytes.count / Self.blockBytes
    Self.update(&state, bytes.baseAddress, ahead: ahead, blocks: blocks, usesInstructions)
    count += blocks * Self.blockBytes
    rest += bytes[(blocks * Self.blockBytes)...]
  }

  /// Takes bytes into two hashes, into each its own: as many blocks as both have at the same time.
  package static func update(
    _ first: inout SHA256, _ firstBytes: UnsafeRawBufferPointer, ahead firstAhead: Ahead = Ahead(),
    _ second: inout SHA256, _ secondBytes: UnsafeRawBufferPointer, ahead secondAhead: Ahead = Ahead()
  ) {
    var both = 0
    if first.usesInstructions, second.usesInstructions, first.rest.isEmpty, second.rest.isEmpty,
      let firstData = firstBytes.baseAddress, let secondData = secondBytes.baseAddress
    {
      let blocks = min(firstBytes.count, secondBytes.count) / blockBytes
      both = blocks * blockBytes
      withContent(&first.state, firstData, firstAhead) { first in
        withContent(&second.state, secondData, secondAhead) { rondo_sha256_pair(first, $0, blocks) }
      }
      first.count += both
      second.count += both
    }
    first.update(UnsafeRawBufferPointer(rebasing: firstBytes[both...]))
    second.update(UnsafeRawBufferPointer(rebasing: secondBytes[both...]))
  }

  private static func update(
    _ state: inout SIMD8<UInt32>, _ data: UnsafeRawPointer?, ahead: Ahead, blocks: Int,
    _ usesInstructions: Bool
  ) {
    guard let data, blocks > 0 else { return }
    withContent(&state, data, ahead) {
      if usesInstructions {
        rondo_sha256($0, blocks)
      } else {
        rondo_sha256_portable($0.state, $0.data, blocks)
      }
    }
  }

  private static func withContent(
    _ state: inout SIMD8<UInt32>, _ data: UnsafeRawPointer, _ ahead: Ahead,
    _ body: (rondo_sha256_content) -> Void
  ) {
    withUnsafeMutablePointer(to: &state) { state in
      state.withMemoryRebound(to: UInt32.self, capacity: 8) {
        body(rondo_sha256_content(state: $0, data: data, source: ahead.source, target: ahead.target))
      }
    }
  }

  /// The digest of all bytes so far.
  package var hexadecimal: String {
    var whole = self
    // A bit, zeros, and how many bits there were, in 8 bytes at the end of a block (section 5.1.1).
    let bits = UInt64(count + rest.count) * 8
    var end: [UInt8] = [0x80]
    end += [UInt8](repeating: 0, count: (119 - rest.count) % Self.blockBytes)
    end += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) }
    end.withUnsafeBytes { whole.update($0) }
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: (0..<8).flatMap { word in
        (0..<8).map { digits[Int(whole.state[word] >> (28 - 4 * UInt32($0)) & 15)] }
      }, as: UTF8.self)
  }
}
