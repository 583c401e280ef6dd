import Kernels

/// The global order in which an epoch visits its samples: a permutation that depends on (seed, epoch, count) alone, never on
/// ranks or threads.
///
/// Step `s` of an epoch takes the samples `order[s * batch ..< (s + 1) * batch]`. What is left at the end and does not fill
/// a batch is dropped from that epoch; as each epoch has another order, other samples are dropped each time.
///
/// The permutation is Fisher and Yates' shuffle with unbiased bounded draws (D. Lemire, "Fast random integer generation in
/// an interval", ACM TOMACS 29, 2019) from one stream of Philox per epoch.
public struct SampleOrder: Sendable, Equatable {
  public let seed: UInt64
  /// Samples in the training data, at most 2^32 - 1.
  public let count: Int

  public init(seed: UInt64, count: Int) {
    precondition(
      (0...Int(UInt32.max)).contains(count), "SampleOrder: expected 0 to 2^32 - 1 samples, found \(count)")
    self.seed = seed
    self.count = count
  }

  /// Whole batches in an epoch.
  public func steps(batch: Int) -> Int { count / batch }

  /// The positions in an epoch's order of the samples of a step; `step` counts from the start of the epoch.
  public static func positions(step: Int, batch: Int) -> Range<Int> { step * batch..<(step + 1) * batch }

  /// The order of an epoch, which counts from 0.
  public func permutation(epoch: Int) -> [Int] {
    [Int](unsafeUninitializedCapacity: count) { order, initialized in
      for position in 0..<count { order.initializeElement(at: position, to: position) }
      shuffle(order, epoch: epoch)
      initialized = count
    }
  }

  /// Writes the order of an epoch into `order`, which has room for exactly `count` elements. Allocates nothing.
  public func write(_ order: inout MutableSpan<Int>, epoch: Int) {
    precondition(order.count == count, "SampleOrder.write: expected room for \(count), found \(order.count)")
    order.withUnsafeMutableBufferPointer { order in
      for position in 0..<count { order[position] = position }
      shuffle(order, epoch: epoch)
    }
  }

  private func shuffle(_ order: UnsafeMutableBufferPointer<Int>, epoch: Int) {
    var words = WordStream(philox: Philox(key: seed), epoch: UInt32(epoch))
    for position in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(position, words.draw(below: UInt32(position + 1)))
    }
  }
}

/// The words of an epoch's stream, one after another.
private struct WordStream {
  let philox: Philox
  let epoch: UInt32
  private var blockIndex = 0
  private var block: SIMD4<UInt32> = .zero
  private var used = 4

  init(philox: Philox, epoch: UInt32) {
    self.philox = philox
    self.epoch = epoch
  }

  private mutating func next() -> UInt32 {
    if used == 4 {
      block = philox.block(at: blockIndex, major: epoch, for: .shuffle)
      blockIndex += 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  /// Each of 0..<bound with the same probability: the high word of a 64-bit product, where those low words that would
  /// make some results likelier than others are drawn again.
  mutating func draw(below bound: UInt32) -> Int {
    var product = UInt64(next()) * UInt64(bound)
    if UInt32(truncatingIfNeeded: product) < bound {
      let excess = (0 &- bound) % bound
      while UInt32(truncatingIfNeeded: product) < excess { product = UInt64(next()) * UInt64(bound) }
    }
    return Int(product >> 32)
  }
}
