/// The extents of a tensor, outermost first. Memory is row-major; the first extent counts samples (or rows: samples × positions).
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public let extents: [Int]

  /// - Precondition: every extent is at least 1.
  public init(_ extents: [Int]) {
    precondition(extents.allSatisfy { $0 >= 1 }, "Shape: expected extents of at least 1, found \(extents)")
    self.extents = extents
  }

  public init(arrayLiteral extents: Int...) { self.init(extents) }

  /// The number of extents.
  public var rank: Int { extents.count }

  /// The number of elements.
  public var count: Int { extents.reduce(1, *) }

  public subscript(axis: Int) -> Int { extents[axis] }

  /// The extent of the last axis: the columns of the matrix that a dense layer sees.
  public var columns: Int { extents.last ?? 1 }

  /// All axes but the last flattened: the rows of that matrix.
  public var rows: Int { count / columns }

  /// The same shape with another last extent.
  public func withColumns(_ columns: Int) -> Shape { Shape(extents.dropLast() + [columns]) }

  public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}
