import BLAS
import Testing

@testable import Graph
@testable import Optimizers

@Suite struct ClippingTests {
  private func clipped(_ clipping: GradientClipping, _ gradients: [Float], factor: Float = 1) -> [Float] {
    var result = [Float](repeating: 7, count: gradients.count)
    gradients.withUnsafeBufferPointer { gradients in
      result.withUnsafeMutableBufferPointer { result in
        guard let from = gradients.baseAddress, let to = result.baseAddress else { return }
        clipping.clip(from: from, into: to, count: gradients.count, factor: factor)
      }
    }
    return result
  }

  @Test func smallGradientsKeepTheirBits() {
    let gradients: [Float] = [0.1, -0.2, 0, -0.0, .leastNonzeroMagnitude]
    for clipping in [GradientClipping.none, .norm(1), .value(0.2)] {
      let factor = clipping.factor(squaredNorm: 0.05)
      #expect(factor == 1)
      #expect(clipped(clipping, gradients, factor: factor).map(\.bitPattern) == gradients.map(\.bitPattern))
    }
  }

  @Test func theFactorIsPyTorchs() {
    #expect(GradientClipping.norm(2).factor(squaredNorm: 9) == Float(2 / (3 + 1e-6)))
    #expect(GradientClipping.norm(3).factor(squaredNorm: 9) < 1)  // 3 / (3 + 1e-6)
    #expect(GradientClipping.norm(3).factor(squaredNorm: 8.9) == 1)
    #expect(GradientClipping.norm(1e9).factor(squaredNorm: 0) == 1)
    #expect(GradientClipping.value(1).factor(squaredNorm: 9) == 1)
    #expect(GradientClipping.none.factor(squaredNorm: .nan) == 1)
  }

  @Test func valuesMoveToTheNearestAllowedOne() {
    for count in [1, 15, 16, 17, 100] {
      let gradients = (0..<count).map { Float($0 % 9 - 4) / 2 }
      #expect(clipped(.value(1.5), gradients) == gradients.map { min(1.5, max(-1.5, $0)) })
    }
  }

  /// A clipped gradient that is no number must still stop the run.
  @Test(arguments: [Float.nan, .infinity, -.infinity]) func whatIsNoNumberStaysNone(_ bad: Float) {
    var gradients = [Float](repeating: 0.5, count: 40)
    gradients[37] = bad
    let square = gradients.withUnsafeBufferPointer {
      $0.baseAddress.map { GradientClipping.squaredNorm($0, count: 40) } ?? 0
    }
    let clipping = GradientClipping.norm(1)
    #expect(clipped(clipping, gradients, factor: clipping.factor(squaredNorm: square))[37].isNaN)
    let byValue = clipped(.value(1), gradients)
    #expect(bad.isNaN ? byValue[37].isNaN : byValue[37] == (bad > 0 ? 1 : -1))
    #expect(byValue[36] == 0.5)
  }

  @Test func theNormIsThatOfAllPiecesAndOnlyOfWhatIsTrained() throws {
    let graph = try someGraph(
      [("a", [200, 100]), ("b", [3]), ("frozen", [5, 5])], statistic: "runningMean")
    let (gradients, pieces) = (Arena(count: graph.arenaCount), UpdatePieces(graph))
    for i in 0..<graph.arenaCount { gradients.base[i] = 2 }
    let groups = try ParameterGroups(graph, frozen: ["frozen"])
    let norm = GradientClipping.norm(1).clip(
      gradients, pieces, graph, groups: groups, on: ThreadPool(threads: 2))
    #expect(norm == (4 * 20_003.0).squareRoot())
    for parameter in graph.parameters {
      let isTrained = parameter.name == "a" || parameter.name == "b"
      let expected = isTrained ? 2 * Float(1 / (norm + 1e-6)) : 2
      #expect(parameter.range.allSatisfy { gradients.base[$0] == expected }, "\(parameter.name)")
    }
  }
}
