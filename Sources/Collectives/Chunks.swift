/// The chunks into which reduce-scatter and allgather cut a buffer: rank r's is chunk r.
///
/// They follow each other without gaps and differ by less than two cache lines of float32 (by one element at most,
/// where they are short); some are empty where there are fewer elements than ranks.
public struct Chunks: Sendable {
  private let partition: Partition

  /// The chunks of a buffer of `count` elements over `size` ranks.
  public init(count: Int, size: Int) { partition = Partition(0..<count, into: size) }

  /// The elements of a rank's chunk.
  public subscript(rank: Int) -> Range<Int> {
    precondition(0 <= rank && rank < partition.parts, "there is no rank \(rank) among \(partition.parts)")
    return partition[rank]
  }
}
