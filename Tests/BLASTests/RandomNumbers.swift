import Foundation

/// SplitMix64: numbers that a printed seed brings back.
struct RandomNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// `count` numbers in -1...1; after 4,099 of them they repeat.
  mutating func values<Scalar: BinaryFloatingPoint>(_ count: Int, as type: Scalar.Type) -> [Scalar] {
    let period = (0..<min(count, 4_099)).map { _ in
      Scalar(Double(Int64(bitPattern: next()) >> 11) / 0x1p52)
    }
    return Array(unsafeUninitializedCapacity: count) { buffer, initialized in
      while initialized < count {
        let part = min(period.count, count - initialized)
        _ = buffer[initialized..<initialized + part].initialize(from: period[..<part])
        initialized += part
      }
    }
  }
}

/// Whether numbers are the same bit for bit, which tells NaN from NaN and 0 from -0.
func sameBits<Numbers: Collection>(_ left: Numbers, _ right: Numbers) -> Bool
where Numbers.Element: BinaryFloatingPoint {
  let same = left.withContiguousStorageIfAvailable { left in
    right.withContiguousStorageIfAvailable { right in
      guard left.count == right.count, let first = left.baseAddress, let second = right.baseAddress else {
        return left.count == right.count
      }
      return memcmp(first, second, left.count * MemoryLayout<Numbers.Element>.stride) == 0
    }
  }
  return (same ?? nil) ?? false
}
