import BLAS
import Foundation
import Kernels
import Testing

@testable import Graph
@testable import Optimizers

/// LARS and LAMB against their formulas in double precision, over 20 steps of a matrix of several pieces, a bias without decay, and a
/// matrix that begins as zeros.
@Suite struct LayerwiseTests {
  private struct Tensor {
    var decays: Bool
    var p, m, v: [Double]

    var norm: Double { p.reduce(0) { $0 + $1 * $1 }.squareRoot() }
  }

  /// (step, gradients, tensor)
  private typealias Rule = (Int, [Double], inout Tensor) -> Void

  private func gradient(_ p: Double, _ i: Int) -> Double { sin(3 * p + Double(i % 7)) / 50 }

  private func expectEqual(_ optimizer: some Optimizer, rate: Double, _ rule: Rule) throws {
    let graph = try someGraph([("weight", [300, 200]), ("bias", [200]), ("last.weight", [5, 3])])
    let pieces = UpdatePieces(graph)
    #expect(pieces.pieces.count == 6)
    let groups = try ParameterGroups(graph, decay: .matrices)
    let (parameters, gradients) = (Arena(count: graph.arenaCount), Arena(count: graph.arenaCount))
    let state = Arena(count: optimizer.stateCount * graph.arenaCount)
    let philox = Philox(key: 2)
    for i in graph.parameters[0].range.lowerBound..<graph.parameters[1].range.upperBound {
      parameters.base[i] = Philox.uniform(philox.block(at: i, for: .synthetic).x) - 0.5
    }
    var expected = graph.parameters.map { parameter in
      Tensor(
        decays: parameter.shape.rank == 2, p: parameter.range.map { Double(parameters.base[$0]) },
        m: .init(repeating: 0, count: parameter.shape.count),
        v: .init(repeating: 0, count: parameter.shape.count))
    }
    let pool = ThreadPool(threads: 2)
    for step in 0..<20 {
      for parameter in graph.parameters {
        for (i, place) in parameter.range.enumerated() {
          gradients.base[place] = Float(gradient(Double(parameters.base[place]), i))
        }
      }
      for tensor in expected.indices {
        rule(step, expected[tensor].p.enumerated().map { gradient($1, $0) }, &expected[tensor])
      }
      optimizer.update(
        pieces, graph, groups: groups, parameters: parameters, gradients: gradients, state: state,
        at: UpdateStep(step: step, learningRate: rate), on: pool)
    }
    for (parameter, tensor) in zip(graph.parameters, expected) {
      let worst = zip(parameter.range, tensor.p).map { abs(Double(parameters.base[$0]) - $1) }.max() ?? .nan
      #expect(worst < 5e-6, "\(parameter.name)")
      #expect(tensor.norm > 0)
    }
  }

  @Test func larsFollowsItsFormula() throws {
    let optimizer = LARS(momentum: 0.8, weightDecay: 0.03, trustCoefficient: 0.02)
    try expectEqual(optimizer, rate: 0.7) { _, gradients, tensor in
      let norm = gradients.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let decay = tensor.decays ? 0.03 : 0
      let hasRatio = tensor.decays && tensor.norm > 0 && norm > 0
      let ratio = hasRatio ? 0.02 * tensor.norm / (norm + decay * tensor.norm) : 1
      for i in gradients.indices {
        tensor.m[i] = 0.8 * tensor.m[i] + 0.7 * ratio * (gradients[i] + decay * tensor.p[i])
        tensor.p[i] -= tensor.m[i]
      }
    }
  }

  @Test func lambFollowsItsFormula() throws {
    let optimizer = LAMB(beta1: 0.9, beta2: 0.99, epsilon: 1e-4, weightDecay: 0.05)
    try expectEqual(optimizer, rate: 0.01) { step, gradients, tensor in
      let (time, decay) = (Double(step + 1), tensor.decays ? 0.05 : 0)
      var direction = gradients
      for i in gradients.indices {
        tensor.m[i] = 0.9 * tensor.m[i] + 0.1 * gradients[i]
        tensor.v[i] = 0.99 * tensor.v[i] + 0.01 * gradients[i] * gradients[i]
        let (m, v) = (tensor.m[i] / (1 - pow(0.9, time)), tensor.v[i] / (1 - pow(0.99, time)))
        direction[i] = m / (v.squareRoot() + 1e-4) + decay * tensor.p[i]
      }
      let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let ratio = tensor.decays && tensor.norm > 0 && norm > 0 ? tensor.norm / norm : 1
      for i in gradients.indices { tensor.p[i] -= 0.01 * ratio * direction[i] }
    }
  }

  @Test func theNormsOfATensorChangeNothing() throws {
    let count = 1_003
    let memory = (0..<4).map { _ in Arena(count: 2 * count) }
    for (number, arena) in memory.enumerated() {
      for i in 0..<2 * count { arena.base[i] = Float((i * 37 + number * 11) % 64 + 1) / 64 }
    }
    let before = memory.map { arena in (0..<2 * count).map { arena.base[$0] } }
    for optimizer in [LARS(), LAMB()] as [any Optimizer] {
      let operands = UpdateOperands(
        count: count, gradients: memory[0].base, parameters: memory[1].base, firstState: memory[2].base,
        stateStride: count)
      let norms = optimizer.squaredNorms(operands, at: UpdateStep(step: 3, learningRate: 0.1))
      #expect(norms.first == (0..<count).reduce(0) { $0 + Double(before[1][$1]) * Double(before[1][$1]) })
      #expect(norms.second > 0)
    }
    #expect(memory.map { arena in (0..<2 * count).map { arena.base[$0] } } == before)
  }
}
