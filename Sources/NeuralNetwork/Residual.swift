import Graph

/// y = shortcut(x) + f(x): layers beside a path on which values, and gradients, pass them by.
///
///     Residual {
///       Dense("block.0.expand", 256, activation: .gelu)
///       Dense("block.0.contract", 64)
///     }
///
/// Without a shortcut x itself is added, and f(x) must have its shape; a shortcut fits x to f(x) where it has another. Its parameters come
/// after those of f. Source: K. He et al., arXiv:1512.03385, equations 1 and 2.
public struct Residual: Layer {
  public var body: Sequential
  public var shortcut: Sequential

  public init(@LayerBuilder _ body: () -> [any Layer], @LayerBuilder shortcut: () -> [any Layer] = { [] }) {
    self.body = Sequential(body)
    self.shortcut = Sequential(shortcut)
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let y = body(x)
    let past = shortcut(x)
    // A sum would stretch the one to the other.
    guard past.shape == y.shape else {
      return x.trace.fail(
        ShapeError("expected equal shapes, found \(past.shape) and \(y.shape)", place: "residual"))
    }
    return past + y
  }
}
