import Graph

/// Self-attention with several heads between two dense layers: y = attention(x Wq + bq, x Wk + bk, x Wv + bv) Wo + bo.
///
/// Shapes: x and y [batch, time, width], the width a multiple of the heads. Parameters: `NAME.query.weight` [width, width] and
/// `NAME.query.bias`, the same for `key` and `value` (head h of each has columns h · width / heads and on), and for `output`.
/// Initialisation: normal with deviation 0.02, as in GPT-2; the output's may be given. Source: A. Vaswani et al., arXiv:1706.03762.
public struct MultiHeadAttention: Layer {
  public var name: String
  public var heads: Int
  /// No position sees a later one.
  public var isCausal: Bool
  public var outputInitializer: Initializer

  public init(
    _ name: String, heads: Int, causal: Bool = false,
    outputInitializer: Initializer = .normal(deviation: 0.02)
  ) {
    self.name = name
    self.heads = heads
    isCausal = causal
    self.outputInitializer = outputInitializer
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, lengths: nil) }

  /// - Parameter lengths: [batch], int32: the positions of a sample that are not padding.
  public func callAsFunction(_ x: Tensor, lengths: Tensor?) -> Tensor {
    mix(project(x), lengths: lengths, addedTo: nil)
  }

  struct Projection {
    let query, key, value: Tensor
  }

  func project(_ x: Tensor) -> Projection {
    func dense(_ part: String) -> Tensor {
      Dense("\(name).\(part)", x.shape.columns, initializer: .normal(deviation: 0.02))(x)
    }
    return Projection(query: dense("query"), key: dense("key"), value: dense("value"))
  }

  /// What follows `project`.
  func mix(_ x: Projection, lengths: Tensor?, addedTo residual: Tensor?) -> Tensor {
    let mixed = attention(
      query: x.query, key: x.key, value: x.value, heads: heads, causal: isCausal, lengths: lengths, name: name
    )
    return Dense("\(name).output", mixed.shape.columns, initializer: outputInitializer)(
      mixed, addedTo: residual)
  }
}
