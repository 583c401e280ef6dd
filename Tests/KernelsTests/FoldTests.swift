import Kernels
import Testing

/// Sums of buffers in the order of a tree.
@Suite struct FoldTests {
  /// A tree by how often the two newest sums are added after each buffer, and the sums that it makes of values.
  struct Tree {
    var merges: [UInt8] = []

    /// Any tree.
    init(of count: Int, using random: inout Draws) {
      var depth = 0
      for buffer in 0..<count {
        let merged = buffer == count - 1 ? depth : Int.random(in: 0...depth, using: &random)
        merges.append(UInt8(merged))
        depth += 1 - merged
      }
    }

    func sum(_ values: [Float]) -> Float {
      var sums: [Float] = []
      for (value, merged) in zip(values, merges) {
        sums.append(value)
        for _ in 0..<merged {
          let last = sums.removeLast()
          sums[sums.count - 1] += last
        }
      }
      return sums[0]
    }
  }

  struct Draws: RandomNumberGenerator {
    let philox: Philox
    private var count = 0

    init(philox: Philox) { self.philox = philox }

    mutating func next() -> UInt64 {
      count += 1
      let block = philox.block(at: count, for: .synthetic)
      return UInt64(block.x) << 32 | UInt64(block.y)
    }
  }

  /// Into a buffer of its own, and, as ranks that share memory do, over the buffers themselves. Lengths about those that are summed at a time.
  @Test(arguments: 1...9) func addsInTheOrderOfTheTreeInTheRangeAlone(buffers: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = Draws(philox: Philox(key: seed))
    for length in [0, 1, 15, 16, 17, 511, 512, 513, 1_500] {
      let tree = Tree(of: buffers, using: &random)
      let (before, after) = (Int.random(in: 0...20, using: &random), Int.random(in: 0...20, using: &random))
      let contents = (0..<buffers).map { _ in
        (0..<before + length + after).map { _ in Float.random(in: -1...1, using: &random) }
      }
      let range = before..<before + length
      let expected = range.map { index in tree.sum(contents.map { $0[index] }) }
      let memory = (contents + [contents[0]]).map { content in
        let copy = UnsafeMutablePointer<Float>.allocate(capacity: content.count)
        copy.initialize(from: content, count: content.count)
        return copy
      }
      defer { for buffer in memory { buffer.deallocate() } }
      let operands = Array(memory[..<buffers])
      Elementwise.fold(range, operands, merges: tree.merges, into: memory[buffers])
      Elementwise.fold(range, operands, merges: tree.merges, into: operands)
      for (number, buffer) in memory.enumerated() {
        let original = contents[number % buffers]
        let found = Array(UnsafeBufferPointer(start: buffer, count: original.count))
        #expect(
          found == original[..<before] + expected + original[range.upperBound...],
          "seed \(seed), \(length) elements, buffer \(number)")
      }
    }
  }
}
