import Datasets
import Testing

@Suite struct SampleOrderTests {
  @Test(arguments: [0, 1, 2, 3, 7, 64, 1437, 100_003])
  func anEpochVisitsEachSampleOnce(count: Int) {
    let order = SampleOrder(seed: 7, count: count)
    for epoch in [0, 1, 29] {
      #expect(order.permutation(epoch: epoch).sorted() == Array(0..<count), "epoch \(epoch)")
    }
  }

  @Test func theOrderIsAFunctionOfSeedEpochAndCount() {
    let order = SampleOrder(seed: 1, count: 1437)
    #expect(order.permutation(epoch: 3) == SampleOrder(seed: 1, count: 1437).permutation(epoch: 3))
    #expect(order.permutation(epoch: 3) != order.permutation(epoch: 4))
    #expect(order.permutation(epoch: 3) != SampleOrder(seed: 2, count: 1437).permutation(epoch: 3))
  }

  @Test func writingIntoABufferGivesThePermutation() {
    let order = SampleOrder(seed: 5, count: 1000)
    var buffer = [Int](repeating: -1, count: 1000)
    for epoch in 0..<3 {
      var span = buffer.mutableSpan
      order.write(&span, epoch: epoch)
      #expect(buffer == order.permutation(epoch: epoch))
    }
  }

  /// A change here changes every training run: it would need a new name for the order.
  @Test func theOrderNeverChanges() {
    let order = SampleOrder(seed: 1, count: 1437).permutation(epoch: 2)
    let bytes = order.flatMap { sample in (0..<4).map { UInt8(truncatingIfNeeded: sample >> ($0 * 8)) } }
    #expect(Array(order.prefix(8)) == [1203, 1305, 130, 1153, 509, 292, 243, 474])
    #expect(ContentHash.fnv1a(bytes) == 8_110_851_514_698_430_490)
  }

  /// Chi-squared over all 24 orders of 4 samples, 24,000 epochs: 23 degrees of freedom, 0.1 % quantile 49.7.
  @Test func allOrdersAreEquallyLikely() {
    let order = SampleOrder(seed: 11, count: 4)
    var counts: [[Int]: Double] = [:]
    for epoch in 0..<24_000 { counts[order.permutation(epoch: epoch), default: 0] += 1 }
    let chiSquared = counts.values.reduce(0) { $0 + ($1 - 1000) * ($1 - 1000) / 1000 }
    #expect(counts.count == 24)
    #expect(chiSquared < 49.7)
  }

  @Test func theLastIncompleteBatchIsDropped() {
    let order = SampleOrder(seed: 1, count: 1437)
    #expect(order.steps(batch: 256) == 5)
    #expect(SampleOrder.positions(step: 4, batch: 256) == 1024..<1280)
    #expect(order.steps(batch: 1437) == 1)
    #expect(order.steps(batch: 1438) == 0)
  }
}
