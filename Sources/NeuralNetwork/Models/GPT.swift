import Graph

/// A decoder-only transformer: for each position of a text, the logits of what comes next.
///
///     let model = GPT(layers: 6, heads: 6, width: 384, context: 256, vocabulary: 256)
///     let logits = model(tokens)
///     let loss = softmaxCrossEntropy(logits, labels: next)
///
/// Shapes: tokens [batch, time] of int32 with time ≤ context, result [batch, time, vocabulary]. Parameters: `embedding.table` [vocabulary,
/// width], `embedding.positions` [context, width], those of `TransformerBlock` under `blocks.0`, `blocks.1`, ..., `norm.gain`, `norm.bias` and,
/// unless it is tied, `head.weight` [width, vocabulary].
/// Initialisation as in GPT-2: see `TransformerBlock`. Its gelu is the exact one, not the approximation by tanh.
/// Source: A. Radford et al., "Language models are unsupervised multitask learners", 2019.
public struct GPT: Layer, Sendable, Equatable {
  public var layers: Int
  public var heads: Int
  public var width: Int
  /// The longest sequence.
  public var context: Int
  public var vocabulary: Int
  /// Of the embedding and of what each half of a block adds, while training. Attention's weights are not dropped.
  public var dropout: Float
  /// The head is the embedding's table, transposed: one parameter for both.
  public var tiesHead: Bool
  public var recomputation: Recomputation

  public init(
    layers: Int, heads: Int, width: Int, context: Int, vocabulary: Int, dropout: Float = 0,
    tiesHead: Bool = false, recomputation: Recomputation = .elementwise
  ) {
    self.layers = layers
    self.heads = heads
    self.width = width
    self.context = context
    self.vocabulary = vocabulary
    self.dropout = dropout
    self.tiesHead = tiesHead
    self.recomputation = recomputation
  }

  public func callAsFunction(_ tokens: Tensor) -> Tensor {
    let embedding = Embedding("embedding", rows: vocabulary, width: width, context: context)
    let (rows, table) = embedding.lookUp(tokens)
    var x = Dropout(dropout)(rows)
    for layer in 0..<layers {
      x = TransformerBlock(
        "blocks.\(layer)", heads: heads, causal: true, layers: layers, dropout: dropout,
        recomputation: recomputation)(x)
    }
    x = LayerNorm("norm")(x)
    if tiesHead {
      let rows = x.reshaped(to: [x.shape.rows, width])
      return matmul(rows, table, transposeB: true, name: "head").reshaped(
        to: x.shape.withColumns(vocabulary).extents)
    }
    return Dense("head", vocabulary, bias: false, initializer: .normal(deviation: 0.02))(x)
  }
}
