/// A range cut into parts that differ by less than two grains.
///
/// A grain is a run of elements that is not cut; the last one may be shorter. Long ranges are cut at
/// multiples of 16 elements from their start, so that parts of an aligned float32 buffer start on cache
/// lines; ranges with fewer than 16 such grains a part are cut anywhere, to keep the parts even.
package struct Partition {
  package let range: Range<Int>
  package let parts: Int
  private let grain: Int
  private var grains: Int { (range.count + grain - 1) / grain }

  /// Cuts `range` into `parts`; some are empty when the range has fewer elements.
  ///
  /// - Parameter grain: nil for what is said above.
  package init(_ range: Range<Int>, into parts: Int, grain: Int? = nil) {
    precondition(parts > 0 && grain ?? 1 > 0)
    self.range = range
    self.parts = parts
    self.grain = grain ?? (range.count / parts >= 256 ? 16 : 1)
  }

  /// Cuts `range` into as few parts as have at most `length` elements, but for a grain more where it does not divide evenly; one at least.
  package init(_ range: Range<Int>, upTo length: Int) {
    self.init(range, into: max(1, (range.count + length - 1) / length))
  }

  /// The elements of one part. Parts follow each other without gaps; the first ones are the longer ones.
  package subscript(part: Int) -> Range<Int> { bound(part)..<bound(part + 1) }

  /// The elements of several parts that follow each other.
  package subscript(parts: Range<Int>) -> Range<Int> { bound(parts.lowerBound)..<bound(parts.upperBound) }

  /// The longest part's number of elements.
  package var longest: Int { self[0].count }

  /// Whether all parts have the same number of elements.
  package var isEven: Bool { range.count % (grain * parts) == 0 }

  /// How many parts have elements: the first ones.
  package var filledParts: Int { min(parts, grains) }

  private func bound(_ part: Int) -> Int {
    let (each, longer) = grains.quotientAndRemainder(dividingBy: parts)
    return range.lowerBound + min(range.count, grain * (part * each + min(part, longer)))
  }
}

extension Range<Int> {
  func shifted(by distance: Int) -> Range<Int> { lowerBound + distance..<upperBound + distance }
}
