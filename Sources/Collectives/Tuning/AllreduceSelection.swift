/// Which algorithm sums a buffer of which size fastest, on the hosts where that was measured.
public struct AllreduceSelection: Sendable, Equatable, Codable {
  /// One size and the algorithm that is best there.
  public struct Entry: Sendable, Equatable, Codable {
    /// Bytes that the buffer takes on the wire.
    public var bytes: Int
    public var algorithm: Algorithm
    /// How long its messages are; nil for what fits one host, or several.
    public var segments: Segments?

    public init(bytes: Int, algorithm: Algorithm, segments: Segments? = nil) {
      self.bytes = bytes
      self.algorithm = algorithm
      self.segments = segments
    }
  }

  /// By ascending size, at least one.
  public private(set) var entries: [Entry]

  /// - Parameter entries: at least one, in any order.
  public init(_ entries: [Entry]) {
    precondition(!entries.isEmpty, "AllreduceSelection: expected at least one entry")
    self.entries = entries.sorted { $0.bytes < $1.bytes }
  }

  /// The same algorithm for every size.
  public init(_ algorithm: Algorithm, segments: Segments? = nil) {
    entries = [Entry(bytes: 1, algorithm: algorithm, segments: segments)]
  }

  /// The algorithm for a size.
  public func algorithm(bytes: Int) -> Algorithm { entry(bytes: bytes).algorithm }

  /// The entry whose size is nearest, as a ratio: at the geometric mean of two sizes the choice changes.
  public func entry(bytes: Int) -> Entry {
    var best = entries[0]
    for entry in entries.dropFirst() {
      // bytes above the geometric mean: bytes / best > entry / bytes.
      if Double(bytes) * Double(bytes) > Double(best.bytes) * Double(entry.bytes) {
        best = entry
      } else {
        break
      }
    }
    return best
  }

  public init(from decoder: any Decoder) throws {
    let entries = try [Entry](from: decoder)
    guard !entries.isEmpty else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "expected at least one size"))
    }
    self.init(entries)
  }

  public func encode(to encoder: any Encoder) throws { try entries.encode(to: encoder) }
}

extension Algorithm: Codable {}
