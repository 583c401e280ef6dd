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
}
