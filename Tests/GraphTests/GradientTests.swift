import Graph
import Kernels
import Testing

/// Every operation's backward against finite differences, with gradients into parameters and into shared results.
@Suite struct GradientTests {
  private static func expectExact(
    _ shapes: [Shape], microbatch: Int, wiring: GradientCheck.Wiring, tolerance: Double = 1e-3,
    prepare: (Executor) -> Void = { _ in }, _ body: (Trace, [Tensor]) -> Tensor,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let report = try GradientCheck.run(
      shapes, microbatch: microbatch, wiring: wiring, prepare: prepare, body)
    #expect(report.worst < tolerance, "\(report)", sourceLocation: location)
    #expect(report.checked > 9 * report.skipped, "\(report)", sourceLocation: location)
  }

  @Test(arguments: Activation.allCases, GradientCheck.Wiring.allCases)
  func denseWithBias(_ activation: Activation, _ wiring: GradientCheck.Wiring) throws {
    try Self.expectExact([[5, 7], [7, 6], [6]], microbatch: 5, wiring: wiring) { _, x in
      dense(x[0], weight: x[1], bias: x[2], activation: activation)
    }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func denseOfATensorWithItself(_ wiring: GradientCheck.Wiring) throws {
    try Self.expectExact([[4, 4]], microbatch: 4, wiring: wiring) { _, x in dense(x[0], weight: x[0]) }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func denseWithoutBiasOverPositions(_ wiring: GradientCheck.Wiring) throws {
    try Self.expectExact([[3, 4, 5], [5, 2]], microbatch: 3, wiring: wiring) { _, x in
      dense(x[0], weight: x[1])
    }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func activations(_ wiring: GradientCheck.Wiring) throws {
    try Self.expectExact([[4, 19]], microbatch: 4, wiring: wiring) { _, x in tanh(x[0]) }
    try Self.expectExact([[4, 19]], microbatch: 4, wiring: wiring) { _, x in gelu(x[0]) }
    try Self.expectExact([[4, 19]], microbatch: 4, wiring: wiring) { _, x in relu(x[0]) }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func sums(_ wiring: GradientCheck.Wiring) throws {
    try Self.expectExact([[4, 9], [4, 9]], microbatch: 4, wiring: wiring) { _, x in x[0] + x[1] }
    try Self.expectExact([[4, 9]], microbatch: 4, wiring: wiring) { _, x in x[0] + x[0] }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func dropoutWithFixedDraws(_ wiring: GradientCheck.Wiring) throws {
    try Self.expectExact([[4, 33]], microbatch: 4, wiring: wiring) { _, x in
      dropout(x[0], probability: 0.4)
    }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func crossEntropy(_ wiring: GradientCheck.Wiring) throws {
    var labels: Tensor?
    func prepare(_ executor: Executor) {
      if let labels { executor.setInput(labels, to: ([0, 4, 2, 2, 1, 3] as [Int32]).span, training: true) }
    }
    try Self.expectExact([[6, 5]], microbatch: 6, wiring: wiring, prepare: prepare) { trace, x in
      let target = labels ?? trace.input("label", perSample: Shape([]), of: .int32)
      labels = target
      return softmaxCrossEntropy(x[0], labels: target)
    }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func squaredError(_ wiring: GradientCheck.Wiring) throws {
    try Self.expectExact([[6, 5], [6, 5]], microbatch: 6, wiring: wiring) { _, x in
      meanSquaredError(x[0], target: x[1])
    }
  }

  @Test func aWrongBackwardIsFound() throws {
    let report = try GradientCheck.run([[3, 4]], microbatch: 3) { trace, x in trace.record(Doubled(), x[0]) }
    #expect(report.worst > 0.1)
  }

  @Test func aGradientThatIsNotANumberIsFound() throws {
    let report = try GradientCheck.run([[3, 4]], microbatch: 3) { trace, x in trace.record(Poisoned(), x[0]) }
    #expect(report.worst.isNaN)
  }

  /// The identity, with one element of its gradient not a number.
  private struct Poisoned: Operation {
    var name: String { "poisoned" }
    var backwardReads: BackwardReads { .nothing }
    func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { inputs[0] }
    func forward(_ context: ForwardContext) {
      for i in 0..<context.outputShape.count { context.output[i] = context.input(0)[i] }
    }
    func backward(_ context: BackwardContext) {
      guard let gradient = context.inputGradient(0) else { return }
      for i in 0..<context.outputShape.count {
        gradient.pointer[i] = i == 0 ? .nan : context.outputGradient[i]
      }
    }
  }

  /// An operation as a user would add it, with a mistake: the gradient of 2x is not 1.
  private struct Doubled: Operation {
    var name: String { "doubled" }
    var backwardReads: BackwardReads { .nothing }
    func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { inputs[0] }
    func forward(_ context: ForwardContext) {
      for i in 0..<context.outputShape.count { context.output[i] = 2 * context.input(0)[i] }
    }
    func backward(_ context: BackwardContext) {
      guard let gradient = context.inputGradient(0) else { return }
      for i in 0..<context.outputShape.count { gradient.pointer[i] = context.outputGradient[i] }
    }
  }
}
