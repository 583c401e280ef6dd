import Graph
import NeuralNetwork
import Testing

/// The losses of the first 20 steps of every ready-made model equal PyTorch's.
@Suite struct ReferenceTests {
  @Test(arguments: [1, 4]) func logistic(_ microbatches: Int) throws {
    let reference = try Reference("logistic")
    try reference.expectLosses(microbatches: microbatches) {
      Reference.classified(
        $0, batch: reference.batch, classes: 5, MultilayerPerceptron(hidden: [], outputs: 5).callAsFunction)
    }
  }

  @Test(arguments: [1, 4]) func linear(_ microbatches: Int) throws {
    let reference = try Reference("linear")
    try reference.expectLosses(microbatches: microbatches) { trace in
      let x = trace.input("features", perSample: [20])
      let target = trace.input("targets", perSample: [3])
      return (
        meanSquaredError(MultilayerPerceptron(hidden: [], outputs: 3)(x), target: target),
        [
          .values(x, Generator.values("features", count: 20 * reference.batch)),
          .values(target, Generator.values("targets", count: 3 * reference.batch)),
        ]
      )
    }
  }

  @Test(arguments: [1, 4]) func mlp(_ microbatches: Int) throws {
    let reference = try Reference("mlp")
    try reference.expectLosses(microbatches: microbatches) {
      Reference.classified(
        $0, batch: reference.batch, classes: 5,
        MultilayerPerceptron(hidden: [24, 16], outputs: 5).callAsFunction)
    }
  }

  @Test(arguments: [1, 4]) func tabular(_ microbatches: Int) throws {
    let reference = try Reference("tabular")
    let model = Tabular(cardinalities: [5, 12, 3], hidden: [16, 8], outputs: 2)
    let columns = model.cardinalities.enumerated().map {
      Generator.integers("codes.\($0)", count: reference.batch, below: $1)
    }
    let rows = (0..<reference.batch).flatMap { sample in columns.map { $0[sample] } }
    try reference.expectLosses(microbatches: microbatches) { trace in
      let codes = trace.input("codes", perSample: [3], of: .int32)
      let (loss, inputs) = Reference.classified(trace, batch: reference.batch, features: [4], classes: 2) {
        model(features: $0, codes: codes)
      }
      return (loss, inputs + [.integers(codes, rows)])
    }
  }
}
