import BLAS
import Foundation
import Kernels
import Testing

@testable import Graph
@testable import Optimizers

/// Optimizers against their formulas in double precision, over 20 steps with gradients that depend on the parameters.
@Suite struct OptimizerTests {
  /// (step, gradient, parameter, state)
  typealias Rule = (Int, Double, inout Double, inout [Double]) -> Void

  /// - Parameter ambiguous: how many elements at most may go another way, where a rule has a jump.
  private func expectEqual(
    _ optimizer: some Optimizer, rate: Double, threads: Int = 3, ambiguous: Int = 0, _ rule: Rule
  ) {
    let count = 100_003  // several tiles and a short last one
    let pool = ThreadPool(threads: threads)
    let (parameters, gradients) = (Arena(count: count), Arena(count: count))
    let state = Arena(count: optimizer.stateCount * count)
    let philox = Philox(key: 1)
    var expected = (0..<count).map { Double(Philox.uniform(philox.block(at: $0, for: .synthetic).x)) - 0.5 }
    var expectedState = [[Double]](repeating: [0, 0], count: count)
    for i in 0..<count { parameters.base[i] = Float(expected[i]) }
    for step in 0..<20 {
      for i in 0..<count {
        gradients.base[i] = Float(sin(3 * Double(parameters.base[i]) + Double(i % 7)))
      }
      for i in 0..<count {
        rule(step, sin(3 * expected[i] + Double(i % 7)), &expected[i], &expectedState[i])
      }
      // In parts of other lengths than a vector's, on several threads.
      pool.run(tiles: 7) { part in
        let first = part * count / 7
        optimizer.update(
          UpdateOperands(
            count: (part + 1) * count / 7 - first, gradients: gradients.base + first,
            parameters: parameters.base + first, firstState: state.base + first, stateStride: count),
          at: UpdateStep(step: step, learningRate: rate), norms: SquaredNorms())
      }
    }
    let differences = (0..<count).map { abs(Double(parameters.base[$0]) - expected[$0]) }
    let wrong = differences.filter { !($0 < 2e-5) }
    #expect(wrong.count <= ambiguous, "\(wrong.count) elements, by up to \(wrong.max() ?? 0)")
  }

  @Test func plainSGDFollowsItsFormula() {
    expectEqual(SGD(weightDecay: 0.1), rate: 0.05) { _, g, p, _ in p -= 0.05 * (g + 0.1 * p) }
  }

  @Test(arguments: [false, true]) func momentumFollowsItsFormula(_ nesterov: Bool) {
    expectEqual(SGD(momentum: 0.9, nesterov: nesterov, weightDecay: 0.01), rate: 0.02) { _, g, p, state in
      let gradient = g + 0.01 * p
      state[0] = 0.9 * state[0] + gradient
      p -= 0.02 * (nesterov ? gradient + 0.9 * state[0] : state[0])
    }
  }

  @Test(arguments: [0, 0.8]) func rmspropFollowsItsFormula(_ momentum: Double) {
    let optimizer = RMSprop(alpha: 0.9, epsilon: 1e-3, momentum: momentum, weightDecay: 0.05)
    expectEqual(optimizer, rate: 0.005) { _, g, p, state in
      let gradient = g + 0.05 * p
      state[0] = 0.9 * state[0] + 0.1 * gradient * gradient
      state[1] = momentum * state[1] + gradient / (state[0].squareRoot() + 1e-3)
      p -= 0.005 * state[1]
    }
  }

  @Test func adagradFollowsItsFormula() {
    expectEqual(Adagrad(epsilon: 1e-3, weightDecay: 0.05), rate: 0.05) { _, g, p, state in
      let gradient = g + 0.05 * p
      state[0] += gradient * gradient
      p -= 0.05 * gradient / (state[0].squareRoot() + 1e-3)
    }
  }

  @Test func adamFollowsItsFormula() {
    let optimizer = Adam(beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.05)
    expectEqual(optimizer, rate: 0.01) { step, g, p, state in
      let gradient = g + 0.05 * p
      state[0] = 0.9 * state[0] + 0.1 * gradient
      state[1] = 0.99 * state[1] + 0.01 * gradient * gradient
      let (m, v) = (state[0] / (1 - pow(0.9, Double(step + 1))), state[1] / (1 - pow(0.99, Double(step + 1))))
      p -= 0.01 * m / (v.squareRoot() + 1e-3)
    }
  }

  @Test func adamWFollowsItsFormula() {
    expectEqual(AdamW(beta1: 0.9, beta2: 0.99, weightDecay: 0.05), rate: 0.01) { step, g, p, state in
      state[0] = 0.9 * state[0] + 0.1 * g
      state[1] = 0.99 * state[1] + 0.01 * g * g
      let (m, v) = (state[0] / (1 - pow(0.9, Double(step + 1))), state[1] / (1 - pow(0.99, Double(step + 1))))
      p = p * (1 - 0.01 * 0.05) - 0.01 * m / (v.squareRoot() + 1e-8)
    }
  }

  /// Rounding may turn the sign of a number next to 0: that element then goes the other way.
  @Test func lionFollowsItsFormula() {
    let optimizer = Lion(beta1: 0.9, beta2: 0.98, weightDecay: 0.1)
    expectEqual(optimizer, rate: 0.003, ambiguous: 20) { _, g, p, state in
      let mixed = 0.9 * state[0] + 0.1 * g
      p = p * (1 - 0.003 * 0.1) - 0.003 * (mixed > 0 ? 1 : mixed < 0 ? -1 : 0)
      state[0] = 0.98 * state[0] + 0.02 * g
    }
  }

  @Test func lionStandsStillWithoutAGradientAndPassesOnWhatIsNoNumber() {
    let (parameters, gradients) = (Arena(count: 3), Arena(count: 3))
    let state = Arena(count: 3)
    for (i, gradient) in [Float(0), .nan, -2].enumerated() {
      parameters.base[i] = 1
      gradients.base[i] = gradient
    }
    Lion().update(
      UpdateOperands(
        count: 3, gradients: gradients.base, parameters: parameters.base, firstState: state.base,
        stateStride: 3),
      at: UpdateStep(step: 0, learningRate: 0.5), norms: SquaredNorms())
    #expect(parameters.base[0] == 1 && parameters.base[1].isNaN && parameters.base[2] == 1.5)
  }
}
