import Graph

/// A transformer that reads a whole sequence, of words or nucleotides, and says something about it: bidirectional blocks, the mean over
/// the positions or the first one, a dense layer.
///
///     let model = Encoder(layers: 4, heads: 4, width: 128, context: 200, vocabulary: 5, outputs: 2)
///     let logits = model(tokens, lengths: lengths)
///
/// Shapes: tokens [batch, time] of int32 with time ≤ context, lengths [batch] of int32 (tokens from there on are padding: they change
/// nothing, but must be in the vocabulary), result [batch, outputs] without activation.
/// Parameters: as in `GPT`, but for the last: `head.weight` [width, outputs], `head.bias`. Initialisation: see `TransformerBlock`.
/// Source: J. Devlin et al., arXiv:1810.04805, with the norms before the layers.
public struct Encoder: Layer, Sendable, Equatable {
  /// How a sequence of vectors becomes one.
  public enum Pooling: String, Sendable, CaseIterable {
    /// Their mean, without the padding's.
    case mean
    /// The first one: the data put a token of its own, the class token, before each sequence.
    case first
  }

  public var layers: Int
  public var heads: Int
  public var width: Int
  /// The longest sequence.
  public var context: Int
  public var vocabulary: Int
  public var outputs: Int
  /// Of the embedding and of what each half of a block adds, while training. Attention's weights are not dropped.
  public var dropout: Float
  public var pooling: Pooling
  public var recomputation: Recomputation

  public init(
    layers: Int, heads: Int, width: Int, context: Int, vocabulary: Int, outputs: Int, dropout: Float = 0,
    pooling: Pooling = .mean, recomputation: Recomputation = .elementwise
  ) {
    self.layers = layers
    self.heads = heads
    self.width = width
    self.context = context
    self.vocabulary = vocabulary
    self.outputs = outputs
    self.dropout = dropout
    self.pooling = pooling
    self.recomputation = recomputation
  }

  public func callAsFunction(_ tokens: Tensor) -> Tensor { callAsFunction(tokens, lengths: nil) }

  /// - Parameter lengths: [batch], int32: the tokens of a sample that are not padding; nil where there is none.
  public func callAsFunction(_ tokens: Tensor, lengths: Tensor?) -> Tensor {
    let embedding = Embedding("embedding", rows: vocabulary, width: width, context: context)
    var x = Dropout(dropout)(embedding(tokens))
    for layer in 0..<layers {
      x = TransformerBlock(
        "blocks.\(layer)", heads: heads, causal: false, layers: layers, dropout: dropout,
        recomputation: recomputation)(x, lengths: lengths)
    }
    x = LayerNorm("norm")(x)
    let pooled: Tensor =
      switch pooling {
      case .mean: meanOverTime(x, lengths: lengths)
      case .first: x.sliced(0..<1, axis: 1).reshaped(to: [x.shape[0], width])
      }
    return Dense("head", outputs, initializer: .normal(deviation: 0.02))(pooled)
  }
}
