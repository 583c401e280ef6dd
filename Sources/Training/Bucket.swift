/// Ranges of the gradient arena that are reduced in one collective each, in the order of their reduction: from the arena's end to its
/// start, as backward completes them.
enum Bucket {
  /// Cuts `0..<count` into ranges of nearly equal size.
  ///
  /// - Parameters:
  ///   - count: elements of the arena.
  ///   - bytes: upper bound of a bucket's size.
  ///   - alignment: all boundaries but the end are multiples of this many elements.
  static func ranges(count: Int, bytes: Int, alignment: Int = 16) -> [Range<Int>] {
    guard count > 0 else { return [] }
    let limit = max(alignment, bytes / MemoryLayout<Float>.stride / alignment * alignment)
    let buckets = (count + limit - 1) / limit
    let each = ((count + buckets - 1) / buckets + alignment - 1) / alignment * alignment
    return stride(from: 0, to: count, by: each).map { $0..<min(count, $0 + each) }.reversed()
  }

  /// The same with boundaries moved up to where the arena may be cut. A bucket may then be larger by what lies between two such places.
  ///
  /// - Parameter boundary: the first place at or after an offset.
  static func ranges(count: Int, bytes: Int, boundary: (Int) -> Int) -> [Range<Int>] {
    let cuts = ranges(count: count, bytes: bytes).map { boundary($0.lowerBound) }
    var (ranges, end): ([Range<Int>], Int) = ([], count)
    for cut in cuts where cut < end {
      ranges.append(cut..<end)
      end = cut
    }
    return ranges
  }
}
