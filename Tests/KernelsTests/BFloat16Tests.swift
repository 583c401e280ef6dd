import Kernels
import Testing

@Suite struct BFloat16Tests {
  /// The bfloat16 nearest to a float, found by distances: of its two neighbours the nearer one, of two equally near the even one.
  private static func oracle(_ bits: UInt32) -> UInt16 {
    let below = UInt16(bits >> 16)
    let x = Float(bitPattern: bits & 0x7fff_ffff)
    if x.isNaN { return 0x7fc0 }
    if bits & 0xffff == 0 { return below }
    // The neighbour away from zero; beyond the largest finite value it counts as 2¹²⁸ (IEEE 754, 4.3.1).
    let lower = Double(Float(bitPattern: UInt32(below & 0x7fff) << 16))
    let next = Float(bitPattern: (UInt32(below & 0x7fff) + 1) << 16)
    let upper = next.isInfinite ? 0x1p128 : Double(next)
    let toLower = Double(x) - lower
    let toUpper = upper - Double(x)
    if toLower == toUpper { return below + below & 1 }
    return toLower < toUpper ? below : below + 1
  }

  /// What all loops give for some floats, by their bits, and the first thing that is wrong.
  private static func firstFault(_ patterns: [UInt32]) -> String? {
    let floats = patterns.map(Float.init(bitPattern:))
    let count = floats.count
    var rounded = [UInt16](repeating: 1, count: count)
    BFloat16.round(count, floats, into: &rounded)
    var inPlace = floats
    BFloat16.round(count, inPlace: &inPlace)
    var sent = floats
    var packed = [UInt16](repeating: 1, count: count)
    BFloat16.round(count, inPlace: &sent, packing: &packed)
    var again = sent
    BFloat16.round(count, inPlace: &again)
    for i in 0..<count {
      let expected = oracle(patterns[i])
      let value = UInt32(expected) << 16
      if rounded[i] != expected || packed[i] != expected || inPlace[i].bitPattern != value
        || sent[i].bitPattern != value || again[i].bitPattern != value
      {
        return "\(String(patterns[i], radix: 16)): expected \(expected), found \(rounded[i]), "
          + "\(packed[i]), \(inPlace[i]), \(sent[i]), \(again[i])"
      }
    }
    return nil
  }

  @Test func roundingIsToNearestEvenForEvery256thFloat() {
    for sign in [0, 0x8000_0000] as [UInt32] {
      for start in stride(from: UInt32(0), to: 0x8000_0000, by: 1 << 20) {
        let patterns = (0..<1 << 12).map { sign + start + $0 << 8 }
        let fault = Self.firstFault(patterns)
        #expect(fault == nil)
        if fault != nil { return }
      }
    }
  }

  @Test func roundingIsToNearestEvenAroundEveryBFloat16AndEveryTie() {
    let lower: [UInt32] = [0, 1, 2, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff]
    for start in stride(from: UInt32(0), to: 1 << 16, by: 256) {
      let fault = Self.firstFault((start..<start + 256).flatMap { high in lower.map { high << 16 + $0 } })
      #expect(fault == nil)
      if fault != nil { return }
    }
  }

  @Test func edgesAreThoseOfTheStandard() {
    let x: [Float] = [
      1 + 0x1p-8, 1 + 0x1.8p-7, 0, -0.0, .infinity, -.infinity, .greatestFiniteMagnitude, -0x1.ffp127,
      0x1.fefffep127, .leastNonzeroMagnitude, 0x1p-134, Float(bitPattern: 0x8001), 0x1.fffcp-127,
      .signalingNaN, 256, 257,
      259,
    ]
    let expected: [Float] = [
      1, 1 + 0x1p-6, 0, -0.0, .infinity, -.infinity, .infinity, -.infinity,
      0x1.fep127, 0, 0, 0x1p-133, 0x1p-126, .nan, 256, 256, 260,
    ]
    var found = x
    BFloat16.round(x.count, inPlace: &found)
    for i in x.indices {
      #expect(found[i].bitPattern == expected[i].bitPattern, "\(x[i])")
    }
  }

  /// Every bfloat16 there is.
  static let all = (0...UInt16.max).map { $0 }

  private static func isSame(_ found: [Float], as packed: ArraySlice<UInt16>) -> Bool {
    found.count == packed.count
      && zip(found, packed).allSatisfy { $0.bitPattern == UInt32($1) << 16 }
  }

  @Test func everyBFloat16IsItsUpperHalfAndComesBack() {
    var floats = [Float](repeating: 1, count: Self.all.count)
    BFloat16.expand(floats.count, Self.all, into: &floats)
    #expect(Self.isSame(floats, as: Self.all[...]))
    var back = [UInt16](repeating: 1, count: floats.count)
    BFloat16.round(floats.count, floats, into: &back)
    let wrong = Self.all.filter { back[Int($0)] != (floats[Int($0)].isNaN ? 0x7fc0 : $0) }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: Array(0...300) + [1_023, 1_024, 4_095, 65_536])
  func whatLiesPackedInTheUpperHalfIsExpandedInPlace(count: Int) {
    let packed = Self.all[(Self.all.count - count) / 2..<(Self.all.count + count) / 2]
    var block = [Float](repeating: 1, count: count + 1)
    block.withUnsafeMutableBytes { bytes in
      packed.withUnsafeBytes { bytes[2 * count..<4 * count].copyBytes(from: $0) }
    }
    BFloat16.expand(count, inPlace: &block)
    #expect(Self.isSame(Array(block.dropLast()), as: packed))
    #expect(block[count] == 1, "nothing is written behind the block")
  }

  @Test(arguments: [0, 1, 7, 64, 65_536])
  func additionsAreInFloat32(count: Int) {
    let packed = Self.all.suffix(count)
    let mine = packed.map { Float(Int($0) % 1_000) * 0.01 }
    var sums = mine
    Array(packed).withUnsafeBufferPointer {
      // No pointer to nothing.
      if let base = $0.baseAddress { BFloat16.add(count, to: &sums, base) }
    }
    for (i, value) in packed.enumerated() {
      let expected = mine[i] + Float(bitPattern: UInt32(value) << 16)
      guard sums[i].bitPattern != expected.bitPattern else { continue }
      #expect(sums[i].isNaN && expected.isNaN)
    }
  }
}
