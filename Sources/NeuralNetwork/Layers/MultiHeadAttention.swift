import Graph

/// Self-attention with several heads between two dense layers: y = attention(x Wq + bq, x Wk + bk, x Wv + bv) Wo + bo.
///
/// Shapes: x and y [batch, time, width], the width a multiple of the heads. Parameters: `NAME.qkv.weight` [width, 3 width] and `NAME.qkv.bias`,
/// the columns of the queries, the keys and the values side by side, so that one product makes all three (head h of each has columns
/// h · width / heads and on); `NAME.output.weight` [width, width], `NAME.output.bias`.
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

  /// The queries, keys and values side by side.
  func project(_ x: Tensor) -> Tensor {
    Dense("\(name).qkv", 3 * x.shape.columns, initializer: .normal(deviation: 0.02))(x)
  }

  /// What follows `project`.
  func mix(_ packed: Tensor, lengths: Tensor?, addedTo residual: Tensor?) -> Tensor {
    let mixed = attention(packed: packed, heads: heads, causal: isCausal, lengths: lengths, name: name)
    return Dense("\(name).output", mixed.shape.columns, initializer: outputInitializer)(
      mixed, addedTo: residual)
  }
}
