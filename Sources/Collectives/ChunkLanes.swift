/// How a buffer is cut into chunks, one for each rank, and all chunks into as many segments, of which the s-th
/// make lane s.
struct ChunkLanes {
  let chunks: Partition
  /// Number of lanes: the segments of a chunk.
  let count: Int

  /// - Parameter grain: as of `Chunks`.
  init(count elements: Int, size: Int, segmentLength: Int, grain: Int? = nil) {
    chunks = Partition(0..<elements, into: size, grain: grain)
    count = max(1, (chunks.longest + segmentLength - 1) / segmentLength)
  }

  func segments(ofChunk chunk: Int) -> Partition { Partition(chunks[chunk], into: count) }

  /// A message for each segment that is not empty of all chunks but one.
  func messages(without chunk: Int) -> Int {
    (0..<chunks.parts).reduce(-segments(ofChunk: chunk).filledParts) {
      $0 + segments(ofChunk: $1).filledParts
    }
  }

  /// Elements of the longest segment, rounded up to a cache line of float32.
  var slotLength: Int { segments(ofChunk: 0).longest.roundedUpToCacheLine }
}

extension Int {
  /// For a number of elements: the next multiple of a cache line of float32.
  var roundedUpToCacheLine: Int { (self + 15) / 16 * 16 }
}
