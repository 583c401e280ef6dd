import Graph

/// Rows of a trained table, chosen by indices: words, or other symbols, as vectors. With a context also a trained vector for each
/// position, which is added.
///
///     let x = Embedding("embedding", rows: 256, width: 384, context: 256)(tokens)
///
/// Shapes: indices [..., time] of int32, y [..., time, width]. Parameters: `NAME.table` [rows, width], `NAME.positions` [context, width].
/// Initialisation: normal with deviation 0.02, as in GPT-2 (A. Radford et al., 2019).
public struct Embedding: Layer {
  public var name: String
  public var rows: Int
  public var width: Int
  /// The longest sequence; nil for no positions.
  public var context: Int?
  public var initializer = Initializer.normal(deviation: 0.02)

  public init(_ name: String, rows: Int, width: Int, context: Int? = nil) {
    self.name = name
    self.rows = rows
    self.width = width
    self.context = context
  }

  public func callAsFunction(_ indices: Tensor) -> Tensor { lookUp(indices).rows }

  /// The chosen rows, and the table for those who tie another weight to it.
  func lookUp(_ indices: Tensor) -> (rows: Tensor, table: Tensor) {
    let trace = indices.trace
    guard rows >= 1, width >= 1, context ?? 1 >= 1 else {
      let failed = trace.fail(
        ShapeError(
          "expected at least 1 row, column and position, found \(rows), \(width) and \(context ?? 1)",
          place: "embedding \"\(name)\""))
      return (failed, failed)
    }
    let table = trace.parameter("\(name).table", [rows, width], initializer)
    let positions = context.map { trace.parameter("\(name).positions", [$0, width], initializer) }
    return (embedding(indices, table: table, positions: positions, name: name), table)
  }
}
