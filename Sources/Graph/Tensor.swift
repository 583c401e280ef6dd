/// What the elements of a tensor are. Each takes four bytes.
public enum ElementType: String, Sendable {
  case float32
  /// Labels and indices; no gradient flows into them.
  case int32
}

/// A symbolic tensor: a shape and a place in a trace, no numbers.
///
/// It belongs to the trace that made it and, after `Trace.finish`, names its value in the graph.
public struct Tensor {
  public let shape: Shape
  public let elementType: ElementType
  /// The trace that records what is done with this tensor. Layers use it to add their parameters.
  public let trace: Trace
  package let value: Int
}
