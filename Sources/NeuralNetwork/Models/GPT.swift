import Graph

/// A decoder-only transformer: for each position of a text, the logits of what comes next.
///
///     let model = GPT(layers: 6, heads: 6, width: 384, context: 256, vocabulary: 256)
///     let logits = model(tokens)
///     let loss = softmaxCrossEntropy(logits, labels: next)
///
/// Shapes: tokens [batch, time] of int32 with time ≤ context, result [batch, time, vocabulary]. Parameters: `embedding.table` [vocabulary,
/// width], `embedding.positions` [context, width], those of `TransformerBlock` under `blocks.0`, `blocks.1`, ..., `norm.gain`, `norm.bias` and
/// `head.weight` [width, vocabulary].
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
  /// Keeps only what passes from block to block; backward computes each block again: less memory for a third more time.
  public var recomputesBlocks: Bool

  public init(
    layers: Int, heads: Int, width: Int, context: Int, vocabulary: Int, dropout: Float = 0,
    recomputesBlocks: Bool = false
  ) {
    self.layers = layers
    self.heads = heads
    self.width = width
    self.context = context
    self.vocabulary = vocabulary
    self.dropout = dropout
    self.recomputesBlocks = recomputesBlocks
  }

  public func callAsFunction(_ tokens: Tensor) -> Tensor {
    let embedding = Embedding("embedding", rows: vocabulary, width: width, context: context)
    var x = Dropout(dropout)(embedding(tokens))
    for layer in 0..<layers {
      let block = TransformerBlock(
        "blocks.\(layer)", heads: heads, causal: true, layers: layers, dropout: dropout)
      let before = x
      x = recomputesBlocks ? tokens.trace.recomputed { block(before) } : block(before)
    }
    x = LayerNorm("norm")(x)
    return Dense("head", vocabulary, bias: false, initializer: .normal(deviation: 0.02))(x)
  }
}
