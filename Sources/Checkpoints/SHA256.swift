import CSHA256
import Crypto

/// SHA-256 of a file's content that comes from front to back, of two files at a time in the time of one.
///
/// A core with instructions for SHA-256 is kept waiting by one content (`CSHA256`). On other cores, and for files that are read, the library
/// does it; tests hold both against each other.
struct FileDigest {
  /// Bytes that are hashed at once. What is given before the last is whole blocks.
  static let blockBytes = 64
  static let coreHasInstructions = rondo_sha256_is_available() != 0

  private enum Hash {
    case core(SIMD8<UInt32>, bytes: Int)
    case library(SHA256)
  }

  private var hash: Hash

  /// - Parameter usesCore: whether the core's instructions are used, which it must have.
  init(usesCore: Bool = Self.coreHasInstructions) {
    hash = usesCore ? .core(Self.initialState, bytes: 0) : .library(SHA256())
  }

  /// FIPS 180-4, section 5.3.3.
  private static let initialState = SIMD8<UInt32>(
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)

  /// Takes in whole blocks.
  ///
  /// - Parameter ahead: where the bytes lie that come after them, if that is known: they are fetched into the cache meanwhile. Nothing is read there.
  mutating func update(_ bytes: UnsafeRawBufferPointer, ahead: UnsafeRawPointer? = nil) {
    precondition(bytes.count % Self.blockBytes == 0, "FileDigest: \(bytes.count) bytes are no whole blocks")
    guard let data = bytes.baseAddress else { return }
    switch hash {
    case .core(var state, let count):
      Self.withWords(&state) { rondo_sha256($0, data, ahead, bytes.count / Self.blockBytes) }
      hash = .core(state, bytes: count + bytes.count)
    case .library(var library):
      library.update(bufferPointer: bytes)
      hash = .library(library)
    }
  }

  /// Takes whole blocks into two digests, of each its own.
  static func update(
    _ first: inout FileDigest, _ firstBytes: UnsafeRawBufferPointer,
    ahead firstAhead: UnsafeRawPointer? = nil,
    _ second: inout FileDigest, _ secondBytes: UnsafeRawBufferPointer,
    ahead secondAhead: UnsafeRawPointer? = nil
  ) {
    var both = 0
    if case .core(var firstState, let firstCount) = first.hash,
      case .core(var secondState, let secondCount) = second.hash,
      let firstData = firstBytes.baseAddress, let secondData = secondBytes.baseAddress
    {
      let blocks = min(firstBytes.count, secondBytes.count) / blockBytes
      both = blocks * blockBytes
      withWords(&firstState) { firstWords in
        withWords(&secondState) {
          rondo_sha256_pair(firstWords, firstData, firstAhead, $0, secondData, secondAhead, blocks)
        }
      }
      first.hash = .core(firstState, bytes: firstCount + both)
      second.hash = .core(secondState, bytes: secondCount + both)
    }
    first.update(UnsafeRawBufferPointer(rebasing: firstBytes[both...]))
    second.update(UnsafeRawBufferPointer(rebasing: secondBytes[both...]))
  }

  private static func withWords(
    _ state: inout SIMD8<UInt32>, _ body: (UnsafeMutablePointer<UInt32>) -> Void
  ) {
    withUnsafeMutablePointer(to: &state) { state in
      state.withMemoryRebound(to: UInt32.self, capacity: 8, body)
    }
  }

  /// Takes in the last bytes, however many.
  ///
  /// - Returns: the digest in hexadecimal.
  consuming func finish(_ last: UnsafeRawBufferPointer) -> String {
    let whole = last.count / Self.blockBytes * Self.blockBytes
    update(UnsafeRawBufferPointer(rebasing: last[..<whole]))
    let rest = Array(last[whole...])
    switch hash {
    case .core(_, let count):
      // A bit, zeros, and how many bits there were, in 8 bytes at the end of a block (section 5.1.1).
      let bits = UInt64(count + rest.count) * 8
      var end = rest + [0x80]
      end += [UInt8](repeating: 0, count: (120 - end.count % 64) % 64)
      end += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) }
      end.withUnsafeBytes { update($0) }
      guard case .core(let state, _) = hash else {
        preconditionFailure("FileDigest: the hash has changed its kind")
      }
      return (0..<8).flatMap { word in
        (0..<4).map { UInt8(truncatingIfNeeded: state[word] >> (24 - 8 * UInt32($0))) }
      }
      .hexadecimal
    case .library(var library):
      library.update(data: rest)
      return library.finalize().hexadecimal
    }
  }
}

extension Sequence<UInt8> {
  package var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
