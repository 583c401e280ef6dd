import Graph

/// Layers one after the other: y = last(... second(first(x))). Without layers it is the identity.
///
///     let model = Sequential {
///       for (layer, units) in hidden.enumerated() {
///         Dense("hidden.\(layer)", units)
///         relu
///         if dropout > 0 { Dropout(dropout) }
///       }
///       Dense("output", 10)
///     }
///
/// The names of the parameters are those of its layers: it adds no name of its own.
public struct Sequential: Layer {
  public var layers: [any Layer]

  public init(@LayerBuilder _ layers: () -> [any Layer]) { self.layers = layers() }

  public init(_ layers: [any Layer]) { self.layers = layers }

  public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }
}

/// Lists layers in braces: layers, functions of a tensor, `if`, `for`, and lists of layers.
@resultBuilder
public enum LayerBuilder {
  public static func buildExpression(_ layer: some Layer) -> [any Layer] { [layer] }
  public static func buildExpression(_ layers: [any Layer]) -> [any Layer] { layers }
  public static func buildExpression(_ function: @escaping (Tensor) -> Tensor) -> [any Layer] {
    [Function(function)]
  }
  public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
  public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
  public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
  public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
  public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
}
