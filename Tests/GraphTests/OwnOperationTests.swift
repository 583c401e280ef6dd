import BLAS
import Foundation
import Graph
import Testing

// Foundation has an Operation, too.
import protocol Graph.Operation

/// An operation that a user of the library adds: nothing here is more than the public interface of `Graph`.
///
/// Swish with a learned slope: y = x σ(βx) with σ(t) = 1 / (1 + e⁻ᵗ), one β for the whole tensor.
///
/// Shapes: x [...], β [1], y [...].
/// Backward, with s = σ(βx):  dx = dy (s + βx s (1 - s)),  dβ = Σ dy x² s (1 - s).
/// Source: P. Ramachandran, B. Zoph, Q. Le, arXiv:1710.05941.
private struct SwishOperation: Operation {
  var name: String { "swish" }
  var backwardReads: BackwardReads { .inputs(0, 1) }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[1] == [1] else { throw ShapeError("expected beta [1], found \(inputs[1])") }
    return inputs[0]
  }

  /// One partial sum of dβ for each range, whatever the number of threads.
  func workspaceCount(_ inputs: [Shape]) -> Int { (inputs[0].count + Self.grain - 1) / Self.grain }
  private static let grain = 1_024

  private func sigmoid(_ t: Float) -> Float { 1 / (1 + Foundation.exp(-t)) }

  func forward(_ context: ForwardContext) {
    let (x, y, beta) = (context.input(0), context.output, context.input(1)[0])
    context.pool.run(over: context.outputShape.count, grain: Self.grain) { range in
      for i in range { y[i] = x[i] * sigmoid(beta * x[i]) }
    }
  }

  func backward(_ context: BackwardContext) {
    let (x, dy, beta) = (context.input(0), context.outputGradient, context.input(1)[0])
    let (dx, dbeta, parts) = (context.inputGradient(0), context.inputGradient(1), context.workspace)
    context.pool.run(over: context.outputShape.count, grain: Self.grain) { range in
      var sum: Float = 0
      for i in range {
        let s = sigmoid(beta * x[i])
        let bend = x[i] * s * (1 - s)
        sum += dy[i] * x[i] * bend
        guard let dx else { continue }
        let value = dy[i] * (s + beta * bend)
        dx.pointer[i] = dx.accumulates ? dx.pointer[i] + value : value
      }
      parts[range.lowerBound / Self.grain] = sum
    }
    guard let dbeta else { return }
    let sum = (0..<workspaceCount([context.outputShape])).reduce(Float(0)) { $0 + parts[$1] }
    dbeta.pointer[0] = dbeta.accumulates ? dbeta.pointer[0] + sum : sum
  }
}

/// x σ(βx), element by element.
private func swish(_ x: Tensor, beta: Tensor) -> Tensor { x.trace.record(SwishOperation(), x, beta) }

@Suite struct OwnOperationTests {
  @Test(arguments: GradientCheck.Wiring.allCases)
  func itsGradientsAreThoseOfTheFormula(_ wiring: GradientCheck.Wiring) throws {
    let report = try GradientCheck.run([[4, 9], [1]], microbatch: 4, wiring: wiring) { _, x in
      swish(x[0], beta: x[1])
    }
    #expect(report.worst < 1e-3 && report.skipped == 0, "\(report)")
  }

  @Test func threadsDoNotChangeABit() throws {
    try TracedFunction([[9, 1_000], [1]]) { swish($0[0], beta: $0[1]) }.expectSameBitsOnAnyThreads()
  }

  @Test func itsShapeErrorsNameIt() {
    #expect(
      TracedFunction([[4], [2]]) { swish($0[0], beta: $0[1]) }.error == "swish: expected beta [1], found [2]")
  }

  /// A slope of 2 is found from examples of it, together with the weight before it.
  @Test func itLearns() throws {
    let trace = Trace(microbatch: 16)
    let x = trace.input("x", perSample: [1])
    let target = trace.input("target", perSample: [1])
    let weight = trace.parameter("weight", [1, 1], .constant(0.5))
    let beta = trace.parameter("beta", [1], .constant(0.5))
    let error = swish(dense(x, weight: weight), beta: beta) - target
    let loss = error * error
    let graph = try trace.finish(loss: loss, outputs: [])
    let executor = Executor(graph, pool: ThreadPool(threads: 2), seed: 1)
    let inputs = (0..<16).map { (Float($0) - 7.5) / 3 }
    // y = x / (1 + e^(-2x)) = x (1 + tanh x) / 2
    let targets: [Float] = try TracedFunction([[16]]) { 0.5 * $0[0] * (1 + $0[0].tanh()) }(inputs).elements
    var losses: [Float] = []
    for _ in 0..<2_000 {
      executor.setInput(x, to: inputs.span, training: true)
      executor.setInput(target, to: targets.span, training: true)
      executor.forward(training: true)
      losses.append(executor.elements(of: loss, training: true).reduce(0, +) / 16)
      executor.backward(scale: 1 / 16, accumulates: false)
      guard let gradients = executor.gradients else { return }
      executor.parameters.withMutableElements(0..<graph.arenaCount) { values in
        for i in values.indices { values[i] -= 0.3 * gradients.elements[i] }
      }
    }
    let found = graph.parameters.map { executor.values(of: $0)[0] }
    #expect(losses[0] > 0.1 && losses[1_999] < 1e-4, "\(losses[0]) to \(losses[1_999])")
    #expect(abs(found[0] - 1) < 0.01 && abs(found[1] - 2) < 0.05, "weight and beta \(found)")
  }
}
