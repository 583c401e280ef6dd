import Kernels

/// The numbers that `scripts/reference/models.py` draws, bit for bit: SplitMix64 from the FNV-1a hash of a name.
///
/// Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
enum Generator {
  static func words(_ name: String, count: Int) -> [UInt64] {
    var state = Philox.hash(name)
    return (0..<count).map { _ in
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  /// Numbers in [-limit, limit) that belong to `name`.
  static func values(_ name: String, count: Int, limit: Float = 1) -> [Float] {
    words(name, count: count).map { (2 * (Float($0 >> 40) * 0x1p-24) - 1) * limit }
  }

  /// Integers in 0..<below that belong to `name`.
  static func integers(_ name: String, count: Int, below: Int) -> [Int32] {
    words(name, count: count).map { Int32(($0 >> 33) % UInt64(below)) }
  }

  /// The first values of a parameter: biases in (-0.1, 0.1), other vectors (scales) in (0.9, 1.1), the rest with variance 1 / fan-in.
  static func parameter(_ name: String, _ extents: [Int]) -> [Float] {
    let count = extents.reduce(1, *)
    if extents.count > 1, let last = extents.last {
      return values(name, count: count, limit: Float((Double(3 * last) / Double(count)).squareRoot()))
    }
    if name.hasSuffix("bias") { return values(name, count: count, limit: 0.1) }
    return values(name, count: count, limit: 0.1).map { 1 + $0 }
  }
}
