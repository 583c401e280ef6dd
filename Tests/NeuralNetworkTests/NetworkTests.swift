import BLAS
import Graph
import NeuralNetwork
import Testing

@Suite struct NetworkTests {
  @Test func theParametersOfAnMLPHaveStableNamesAndShapes() throws {
    let model = MultilayerPerceptron(hidden: [20, 15], outputs: 3)
    let network = try Network(
      microbatch: 8, featureCount: 12, task: .classification(classes: 3), model: model.callAsFunction)
    let parameters = network.graph.parameters.map { "\($0.name) \($0.shape)" }
    #expect(
      parameters == [
        "hidden.0.weight [12, 20]", "hidden.0.bias [20]", "hidden.1.weight [20, 15]", "hidden.1.bias [15]",
        "output.weight [15, 3]", "output.bias [3]",
      ])
    #expect(network.graph.parameterCount == 12 * 20 + 20 + 20 * 15 + 15 + 15 * 3 + 3)
    // Products only: 2 in out a row forward; backward both operands, but not the features' gradient.
    let products = 2 * 8 * (12 * 20 + 20 * 15 + 15 * 3)
    #expect(network.graph.flops.forward == Double(products))
    #expect(network.graph.flops.backward == Double(2 * products - 2 * 8 * 12 * 20))
  }

  @Test func aModelWithTheWrongOutputIsRefused() {
    #expect {
      try Network(microbatch: 4, featureCount: 5, task: .classification(classes: 3)) {
        relu(Dense("only", 2)($0))
      }
    } throws: { "\($0)" == "output: expected [4, 3], found [4, 2]" }
  }

  @Test func aLayerWithoutUnitsIsRefusedByName() {
    #expect {
      try Network(microbatch: 4, featureCount: 5, task: .regression(outputs: 1)) {
        Dense("output", 1)(Dense("narrow", 0)($0))
      }
    } throws: { "\($0)" == "dense \"narrow\": expected at least 1 unit, found 0" }
  }

  @Test func firstValuesDependOnSeedAndNameAlone() throws {
    func values(_ model: @escaping (Tensor) -> Tensor, seed: UInt64) throws -> [String: [Float]] {
      let network = try Network(
        microbatch: 2, featureCount: 6, task: .regression(outputs: 1), model: model)
      let executor = Executor(network.graph, pool: ThreadPool(threads: 1), seed: seed)
      return Dictionary(
        uniqueKeysWithValues: network.graph.parameters.map { ($0.name, executor.values(of: $0)) })
    }
    let narrow = try values({ Dense("output", 1)(Dense("a", 8, activation: .relu)($0)) }, seed: 1)
    let deeper = try values(
      { Dense("output", 1)(Dense("a", 8, activation: .relu)(Dense("before", 6)($0))) }, seed: 1)
    let other = try values({ Dense("output", 1)(Dense("a", 8, activation: .relu)($0)) }, seed: 2)
    #expect(narrow["a.weight"] == deeper["a.weight"])
    #expect(narrow["a.weight"] != other["a.weight"])
    let weights = narrow["a.weight"] ?? []
    let variance = weights.reduce(0) { $0 + $1 * $1 } / Float(weights.count)
    #expect(abs(variance - 2 / 6) < 0.2, "He's variance is 2 / fan-in")
  }
}
