/// Philox4x32-10, a counter-based generator: the random words of a counter are a pure function of (key, counter).
///
/// Nothing is drawn "next": whoever knows the seed, the step, the sample and the operation computes the same words, on any
/// rank and thread and in any order. That is what makes dropout, shuffling and initialisation independent of how many ranks
/// and threads compute them.
///
/// Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
public struct Philox: Sendable {
  /// What a counter's words are for. It stands in the counter's last word, so that streams of different purposes never meet.
  public enum Purpose: UInt32, Sendable {
    case initialization = 1
    case shuffle = 2
    case dropout = 3
    case split = 4
    case synthetic = 5
    case generation = 6
  }

  @usableFromInline let key: SIMD2<UInt32>

  @inlinable public init(key: UInt64) {
    self.key = SIMD2(UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
  }

  /// The four random words of one counter.
  @inlinable public func block(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k = key
    for round in 0..<10 {
      if round > 0 { k = k &+ SIMD2(0x9E37_79B9, 0xBB67_AE85) }
      let p0 = UInt64(0xD251_1F53) &* UInt64(c.x)
      let p1 = UInt64(0xCD9E_8D57) &* UInt64(c.z)
      c = SIMD4(
        UInt32(truncatingIfNeeded: p1 >> 32) ^ c.y ^ k.x, UInt32(truncatingIfNeeded: p1),
        UInt32(truncatingIfNeeded: p0 >> 32) ^ c.w ^ k.y, UInt32(truncatingIfNeeded: p0))
    }
    return c
  }

  /// The four random words at `index` of a stream: `major` and `minor` name the stream within its purpose (epoch, step,
  /// operation, parameter...).
  ///
  /// - Precondition: `index` is at least 0 and below 2^32.
  @inlinable public func block(
    at index: Int, major: UInt32 = 0, minor: UInt32 = 0, for purpose: Purpose
  ) -> SIMD4<UInt32> {
    block(SIMD4(UInt32(index), major, minor, purpose.rawValue))
  }
}

extension Philox {
  /// A word as a number in [0, 1), a multiple of 2^-24.
  @inlinable public static func uniform(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }

  /// FNV-1a over the name's UTF-8: gives a named thing (a parameter, an operation) its own key or stream.
  public static func hash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
