import Collectives
import Optimizers

/// Ranges of the gradient arena that are reduced in one collective each, in the order of their reduction: from the arena's end to its
/// start, as backward completes them.
enum Bucket {
  /// Elements that no share cuts, counted from the arena's start: no piece lies in two of them, so norms keep their bits.
  static var grain: Int { UpdatePieces.length }
  /// What one reduce-scatter can take, with room for the partial sums of any tree.
  private static let mostBytes = 256 << 20

  /// The buckets of an arena of `count` elements.
  ///
  /// - Parameters:
  ///   - bytes: upper bound of a bucket's size, as far as `way` allows.
  ///   - ranks: that share it out, in sharded runs.
  ///   - boundary: where buckets may be cut on two levels.
  static func ranges(
    count: Int, bytes: Int, _ way: ReductionWay, ranks: Int, boundary: (Int) -> Int
  ) -> [Range<Int>] {
    switch way {
    case .alone, .shared: count == 0 ? [] : [0..<count]
    case .messages, .tree: ranges(count: count, bytes: bytes)
    case .sharded: ranges(count: count, bytes: bytes, sharedBy: ranks)
    case .twoLevel: ranges(count: count, bytes: bytes, boundary: boundary)
    }
  }

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

  /// The same for sharded runs: a whole number of grains for each rank, so that shares are of equal length but in the last bucket of the
  /// arena. A bucket may then be larger, a grain for each rank at least.
  static func ranges(count: Int, bytes: Int, sharedBy ranks: Int) -> [Range<Int>] {
    ranges(count: count, bytes: min(bytes, mostBytes), alignment: grain * ranks)
  }

  /// What a rank has of a bucket in sharded runs. It begins and ends where pieces do.
  static func share(of bucket: Range<Int>, rank: Int, size: Int) -> Range<Int> {
    let chunk = Chunks(count: bucket.count, size: size, grain: grain)[rank]
    return bucket.lowerBound + chunk.lowerBound..<bucket.lowerBound + chunk.upperBound
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
