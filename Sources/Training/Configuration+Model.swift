extension Configuration {
  /// A ready-made model. What goes in and comes out follows from the data.
  public struct Model: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      /// Dense layers with an activation between them; classes or values.
      case mlp
      /// One dense layer, mean squared error; values.
      case linear
      /// One dense layer, softmax cross-entropy; classes.
      case logistic
      /// Two convolutions and three dense layers, for small images. Source: Y. LeCun et al., Proc. IEEE 86 (1998).
      case lenet
      /// Residual networks for images of 32 x 32 pixels. Source: K. He et al., arXiv:1512.03385, section 4.2.
      case resnet20, resnet32, resnet56
      /// The residual network of 18 layers for large images. Source: the same, table 1.
      case resnet18
      /// A decoder-only transformer that predicts the next token of a text.
      case gpt
      /// A transformer that classifies sequences of tokens.
      case encoder
      /// Convolutions along one axis, for signals and sequences.
      case conv1d
      /// Dense layers over numeric columns and embedded categorical ones.
      case tabular

      /// Whether the model takes codes (tokens, letters) where the data have both or only these.
      var isTransformer: Bool { self == .gpt || self == .encoder }
    }

    public enum Activation: String, Sendable, CaseIterable {
      case relu, tanh, gelu, sigmoid, silu
      case leakyRelu = "leaky-relu"
    }

    public var kind: Kind
    /// Widths of the hidden layers, in forward order. For ``Kind/mlp``, which needs at least one, and ``Kind/tabular``.
    public var hidden: [Int]
    /// Of the hidden layers of ``Kind/mlp`` and ``Kind/tabular``.
    public var activation: Activation
    /// Probability in 0..<1 that an activation of a hidden layer, or of a transformer's block, is dropped in training.
    public var dropout: Double
    /// Blocks of a transformer.
    public var layers: Int
    /// Attention heads of each block; they divide ``width``.
    public var heads: Int
    /// Numbers that stand for a token.
    public var width: Int
    /// Tokens of a sample of text.
    public var context: Int
    /// Tokens that there are; nil for as many as the data have.
    public var vocabulary: Int?
    /// Whether a gpt's head is its table of tokens, transposed.
    public var tieHead: Bool
    /// Channels of the convolutions of ``Kind/conv1d``, in forward order.
    public var channels: [Int]
    /// Computes the values of a gpt's blocks again for backward instead of keeping them: less memory, a third more work.
    public var recompute: Bool

    public init(
      kind: Kind = .mlp, hidden: [Int] = [], activation: Activation = .relu, dropout: Double = 0,
      layers: Int = 6, heads: Int = 6, width: Int = 384, context: Int = 256, vocabulary: Int? = nil,
      tieHead: Bool = false, channels: [Int] = [32, 64, 128], recompute: Bool = false
    ) {
      self.kind = kind
      self.hidden = hidden
      self.activation = activation
      self.dropout = dropout
      self.layers = layers
      self.heads = heads
      self.width = width
      self.context = context
      self.vocabulary = vocabulary
      self.tieHead = tieHead
      self.channels = channels
      self.recompute = recompute
    }
  }
}
