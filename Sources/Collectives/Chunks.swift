/// The chunks into which reduce-scatter and allgather cut a buffer: rank r's is chunk r.
///
/// They follow each other without gaps and differ by less than two cache lines of float32 (by one element at most,
/// where they are short); some are empty where there are fewer elements than ranks.
public struct Chunks: Sendable {
  private let partition: Partition

  /// The chunks of a buffer of `count` elements over `size` ranks.
  ///
  /// - Parameter grain: elements that stay together, counted from the buffer's start, where something else than cache lines has to;
  ///   chunks then differ by less than two grains.
  public init(count: Int, size: Int, grain: Int? = nil) {
    partition = Partition(0..<count, into: size, grain: grain)
  }

  /// The elements of a rank's chunk.
  public subscript(rank: Int) -> Range<Int> {
    precondition(0 <= rank && rank < partition.parts, "there is no rank \(rank) among \(partition.parts)")
    return partition[rank]
  }
}
