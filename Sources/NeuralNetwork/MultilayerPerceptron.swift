import Graph
import Kernels

/// Dense layers with an activation between them: x → hidden.0 → hidden.1 → ... → output. Without hidden layers it is a linear
/// model.
///
/// Shapes: x [rows, in], result [rows, outputs] without activation (logits, or predicted values).
public struct MultilayerPerceptron {
  public var hidden: [Int]
  public var outputs: Int
  public var activation: Activation
  /// Of each hidden layer's output, while training.
  public var dropout: Float

  public init(hidden: [Int], outputs: Int, activation: Activation = .relu, dropout: Float = 0) {
    self.hidden = hidden
    self.outputs = outputs
    self.activation = activation
    self.dropout = dropout
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    var x = x
    for (layer, units) in hidden.enumerated() {
      x = Dense("hidden.\(layer)", units, activation: activation)(x)
      x = Dropout(dropout)(x)
    }
    return Dense("output", outputs)(x)
  }
}
