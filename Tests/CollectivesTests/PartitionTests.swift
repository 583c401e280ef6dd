import Collectives
import Testing

@Suite struct PartitionTests {
  @Test(arguments: [1, 2, 3, 7, 64], [0, 1, 6, 63, 64, 65, 1_000, 16_383, 1_000_003])
  func partsCoverTheRangeInOrderAndAreEven(parts: Int, count: Int) {
    let partition = Partition(100..<100 + count, into: parts)
    var end = 100
    for part in 0..<parts {
      #expect(partition[part].lowerBound == end)
      end = partition[part].upperBound
    }
    #expect(end == 100 + count)
    let lengths = (0..<parts).map { partition[$0].count }
    #expect(lengths.max() == partition.longest)
    #expect(partition.longest - (lengths.min() ?? 0) < 32)
    #expect(partition.filledParts == lengths.count { $0 > 0 })
  }

  @Test func longPartsStartOnCacheLinesOfFloat32() {
    let partition = Partition(0..<1_000_003, into: 7)
    for part in 0..<7 { #expect(partition[part].lowerBound % 16 == 0) }
  }

  @Test func shortRangesAreCutToTheElement() {
    let partition = Partition(0..<10, into: 4)
    #expect((0..<4).map { partition[$0].count } == [3, 3, 2, 2])
  }
}
