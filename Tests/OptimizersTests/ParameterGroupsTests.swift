import BLAS
import Testing

@testable import Graph
@testable import Optimizers

@Suite struct ParameterGroupsTests {
  private func graph() throws -> Graph {
    try someGraph(
      [
        ("blocks.0.dense.weight", [4, 4]), ("blocks.0.norm.weight", [4]), ("blocks.1.dense.weight", [4, 4]),
        ("blocks.10.dense.bias", [4]), ("head.weight", [4, 2]),
      ], statistic: "blocks.0.norm.runningMean")
  }

  private func names(_ graph: Graph, where isIn: [Bool]) -> [String] {
    graph.parameters.indices.filter { isIn[$0] }.map { graph.parameters[$0].name }
  }

  @Test func decayIsForAllOrForMatrices() throws {
    let graph = try graph()
    let all = try ParameterGroups(graph)
    #expect(
      names(graph, where: all.decays) == graph.parameters.map(\.name).filter { !$0.contains("running") })
    #expect(!all.isFrozen.contains(true))
    let matrices = try ParameterGroups(graph, decay: .matrices)
    #expect(
      names(graph, where: matrices.decays) == [
        "blocks.0.dense.weight", "blocks.1.dense.weight", "head.weight",
      ])
  }

  @Test func namesAndPrefixesFreeze() throws {
    let graph = try graph()
    let first = try ParameterGroups(graph, frozen: ["blocks.0.*"])
    #expect(names(graph, where: first.isFrozen) == ["blocks.0.dense.weight", "blocks.0.norm.weight"])
    let some = try ParameterGroups(graph, frozen: ["blocks.1*", "head.weight"])
    #expect(
      names(graph, where: some.isFrozen) == ["blocks.1.dense.weight", "blocks.10.dense.bias", "head.weight"])
  }

  @Test func aPatternThatMatchesNothingIsAnError() throws {
    let graph = try graph()
    for pattern in ["head", "head.bias", "block.0.*", "blocks.0.norm.runningMean", ""] {
      let error = #expect(throws: ParameterGroupsError.self) {
        try ParameterGroups(graph, frozen: ["head.weight", pattern])
      }
      guard case .noMatch(pattern, let known) = error else {
        Issue.record("\(pattern): \(String(describing: error))")
        continue
      }
      #expect(
        known
          == (pattern == "block.0.*"
            ? [
              "blocks.*", "blocks.0.*", "blocks.0.dense.*", "blocks.0.norm.*", "blocks.1.*",
              "blocks.1.dense.*", "blocks.10.*", "blocks.10.dense.*", "head.*",
            ] : graph.parameters.map(\.name).filter { !$0.contains("running") }))
    }
  }

  @Test func somethingIsLeftToTrain() throws {
    let graph = try graph()
    #expect(throws: ParameterGroupsError.nothingToTrain) { try ParameterGroups(graph, frozen: ["*"]) }
    #expect(throws: ParameterGroupsError.nothingToTrain) {
      try ParameterGroups(graph, frozen: ["blocks.*", "head.*"])
    }
  }

  @Test(arguments: PieceTests.optimizers) func frozenTensorsKeepTheirBitsAndOthersMove(
    _ optimizer: any Optimizer
  ) throws {
    let graph = try graph()
    let groups = try ParameterGroups(graph, frozen: ["blocks.*"])
    let (parameters, gradients) = (Arena(count: graph.arenaCount), Arena(count: graph.arenaCount))
    for i in 0..<graph.arenaCount { (parameters.base[i], gradients.base[i]) = (0.5, 1) }
    optimizer.update(
      UpdatePieces(graph), graph, groups: groups, parameters: parameters, gradients: gradients,
      state: Arena(count: optimizer.stateCount * graph.arenaCount),
      at: UpdateStep(step: 0, learningRate: 0.1), on: ThreadPool(threads: 1))
    for parameter in graph.parameters {
      #expect(
        parameter.range.allSatisfy { (parameters.base[$0] == 0.5) == (parameter.name != "head.weight") },
        "\(parameter.name)")
    }
  }
}
