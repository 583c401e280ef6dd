import Testing

@testable import Training

@Suite struct BucketTests {
  @Test(arguments: [0, 1, 15, 16, 17, 1000, 4096, 1_003_456], [1, 64, 1024, 1 << 20, 25 << 20])
  func bucketsCoverTheArenaFromItsEnd(count: Int, bytes: Int) {
    let buckets = Bucket.ranges(count: count, bytes: bytes)
    #expect(buckets.first?.upperBound ?? count == count)
    #expect(buckets.last?.lowerBound ?? 0 == 0)
    for (later, earlier) in zip(buckets, buckets.dropFirst()) {
      #expect(later.lowerBound == earlier.upperBound && later.lowerBound % 16 == 0)
    }
    #expect(buckets.allSatisfy { !$0.isEmpty && $0.count * 4 <= max(64, bytes) })
  }
}
