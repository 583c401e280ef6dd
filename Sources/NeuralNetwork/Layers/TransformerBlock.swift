import Graph
import Kernels

/// Attention, then a two-layer perceptron, each on a normalised copy of what passes by: the pre-norm block of GPT-2.
///
///     x ← x + dropout(attention(norm1(x)))
///     x ← x + dropout(gelu(norm2(x) W + b) W' + b')
///
/// Shapes: x and y [batch, time, width]. Parameters: `NAME.norm1.gain`, `NAME.norm1.bias`, those of `MultiHeadAttention` under `NAME.attention`,
/// `NAME.norm2.gain`, `NAME.norm2.bias`, `NAME.mlp.hidden.weight` [width, expansion · width], `NAME.mlp.hidden.bias`,
/// `NAME.mlp.output.weight` and `NAME.mlp.output.bias`.
/// Initialisation: normal with deviation 0.02; the two products that end in the sum with 0.02 / √(2 layers), so that the sum over all
/// layers keeps its size. Sources: A. Radford et al., "Language models are unsupervised multitask learners", 2019, section 2.3; R. Xiong
/// et al., arXiv:2002.04745.
public struct TransformerBlock: Layer {
  public var name: String
  public var heads: Int
  public var isCausal: Bool
  /// Width of the perceptron's hidden layer over that of x.
  public var expansion: Int
  /// Of what each half adds, while training.
  public var dropout: Float
  /// Blocks of the whole model.
  public var layers: Int
  public var recomputation: Recomputation

  public init(
    _ name: String, heads: Int, causal: Bool, layers: Int, expansion: Int = 4, dropout: Float = 0,
    recomputation: Recomputation = .elementwise
  ) {
    self.name = name
    self.heads = heads
    isCausal = causal
    self.layers = layers
    self.expansion = expansion
    self.dropout = dropout
    self.recomputation = recomputation
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, lengths: nil) }

  /// - Parameter lengths: [batch], int32: the positions of a sample that are not padding.
  public func callAsFunction(_ x: Tensor, lengths: Tensor?) -> Tensor {
    recomputation == .blocks ? x.trace.recomputed { block(x, lengths) } : block(x, lengths)
  }

  private func block(_ x: Tensor, _ lengths: Tensor?) -> Tensor {
    let width = x.shape.columns
    let residual = Initializer.normal(deviation: 0.02 / Float(2 * max(1, layers)).squareRoot())
    let attention = MultiHeadAttention(
      "\(name).attention", heads: heads, causal: isCausal, outputInitializer: residual)
    let projection = cheap(x) { attention.project(LayerNorm("\(name).norm1")($0)) }
    let y = branch(from: x) { attention.mix(projection, lengths: lengths, addedTo: $0) }

    let keepsSum = recomputation == .elementwise
    let hidden = Dense(
      "\(name).mlp.hidden", expansion * width, activation: keepsSum ? .identity : .gelu,
      initializer: .normal(deviation: 0.02))
    let output = Dense("\(name).mlp.output", width, initializer: residual)
    let h = cheap(y) { hidden(LayerNorm("\(name).norm2")($0)) }
    return branch(from: y) { residual in
      cheap(h) { output(keepsSum ? $0.gelu() : $0, addedTo: residual) }
    }
  }

  /// Products of what can be computed again without one, from `x`, which is kept.
  private func cheap<Products>(_ x: Tensor, _ body: (Tensor) -> Products) -> Products {
    recomputation == .elementwise ? x.trace.recomputed { body(x) } : body(x)
  }

  /// x + dropout(body): in the body's last product, where nothing is dropped.
  private func branch(from x: Tensor, _ body: (_ addedTo: Tensor?) -> Tensor) -> Tensor {
    dropout == 0 ? body(x) : x + Dropout(dropout)(body(nil))
  }
}
