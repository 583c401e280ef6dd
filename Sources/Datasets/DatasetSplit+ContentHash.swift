extension DatasetSplit {
  /// A number that two splits have in common only if, as good as certainly, all their samples, names and codes are the same: what ranks
  /// compare that have read a file each. Not for adversaries.
  ///
  /// It reads everything once, at the speed of memory.
  package var contentHash: UInt64 {
    var hash = RunningHash()
    for part in [train, test] {
      hash.add("\(part.labelName) \(part.numbers?.shape ?? []) \(part.featureNames)")
      switch part.numbers?.storage {
      case .floats(let elements): hash.add(elements)
      case .bytes(let pixels, let standardization):
        hash.add(pixels)
        hash.add((standardization?.means ?? []) + (standardization?.scales ?? []))
      case nil: break
      }
      hash.add("\(part.codes?.shape ?? []) \(part.codes?.vocabularies ?? [])")
      switch part.codes?.storage {
      case .rows(let codes): hash.add(codes)
      case .slices(let slices):
        hash.add(slices.bytes)
        hash.add(slices.lengths ?? [])
      case nil: break
      }
      switch part.labels {
      case .classes(let classes, let names):
        hash.add(classes)
        hash.add("\(names)")
      case .values(let values): hash.add(values)
      case .nextTokens(let count): hash.add([count])
      }
    }
    return hash.value
  }
}

/// A hash of 64 bits of what lies in memory, eight bytes at a time, in the manner of FNV-1a.
private struct RunningHash {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ text: String) { add(Array(text.utf8)) }

  /// What is hashed as well is how many there are: what lies on both sides of the end of one cannot pass for the other's.
  mutating func add<Element: BitwiseCopyable>(_ elements: [Element]) {
    mix(UInt64(elements.count))
    elements.withUnsafeBytes { bytes in
      let whole = bytes.count / 8
      for word in 0..<whole { mix(bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)) }
      for byte in bytes[(8 * whole)...] { mix(UInt64(byte)) }
    }
  }

  /// The shift brings high bits down, which a product alone never does.
  private mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01b3
    value ^= value >> 32
  }
}
