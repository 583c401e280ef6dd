import Graph
import Kernels

/// A network for tables with numeric and categorical columns, such as transactions: the embeddings of the categorical columns stand
/// beside the numeric ones and go through dense layers.
///
///     let model = Tabular(cardinalities: [12, 300, 7], hidden: [64, 32], outputs: 2)
///     let logits = model(features: amounts, codes: codes)
///
/// Shapes: features [samples, numeric] (may be left out), codes [samples, columns] of int32, result [samples, outputs] without activation.
/// Parameters: `columns.0.table` [cardinality, width], ..., then those of `MultilayerPerceptron`: `hidden.0.weight`, ..., `output.bias`.
/// Numeric columns should be standardised. The caller numbers the categories; one code of each column should stand for values that
/// training has not seen.
/// Initialisation of the tables: normal with deviation 0.05, small against standardised features.
/// Source: C. Guo, F. Berkhahn, "Entity Embeddings of Categorical Variables", arXiv:1604.06737.
public struct Tabular {
  /// For each categorical column, how many codes there are.
  public var cardinalities: [Int]
  /// For each categorical column, the numbers that stand for a code.
  public var widths: [Int]
  public var hidden: [Int]
  public var outputs: Int
  public var activation: Activation
  /// Of each hidden layer's output, while training.
  public var dropout: Float

  /// - Parameter widths: nil takes `defaultWidth` of each cardinality.
  public init(
    cardinalities: [Int], widths: [Int]? = nil, hidden: [Int], outputs: Int, activation: Activation = .relu,
    dropout: Float = 0
  ) {
    self.cardinalities = cardinalities
    self.widths = widths ?? cardinalities.map(Self.defaultWidth)
    self.hidden = hidden
    self.outputs = outputs
    self.activation = activation
    self.dropout = dropout
  }

  /// Half the cardinality, rounded up, but at most 50: the rule of thumb of Guo and Berkhahn's followers (fast.ai, 2018).
  public static func defaultWidth(cardinality: Int) -> Int { max(1, min(50, (cardinality + 1) / 2)) }

  public func callAsFunction(features: Tensor? = nil, codes: Tensor) -> Tensor {
    let trace = codes.trace
    guard cardinalities.count == widths.count, (cardinalities + widths).allSatisfy({ $0 >= 1 }) else {
      return trace.fail(
        ShapeError(
          """
          expected a width for each cardinality and all at least 1, found cardinalities \(cardinalities) and widths \
          \(widths)
          """, place: "tabular"))
    }
    let tables = cardinalities.indices.map {
      trace.parameter("columns.\($0).table", [cardinalities[$0], widths[$0]], .normal(deviation: 0.05))
    }
    let perceptron = MultilayerPerceptron(
      hidden: hidden, outputs: outputs, activation: activation, dropout: dropout)
    return perceptron(embedColumns(codes, tables: tables, beside: features))
  }
}
