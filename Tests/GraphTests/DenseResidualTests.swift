import Graph
import Kernels
import Testing

@Suite struct DenseResidualTests {
  @Test(arguments: Activation.allCases, [false, true])
  func theResidualIsAddedAfterTheActivation(_ activation: Activation, _ hasBias: Bool) throws {
    let shapes: [Shape] = [[2, 3, 5], [5, 7], [7], [2, 3, 7]]
    func fused(_ x: [Tensor]) -> Tensor {
      dense(x[0], weight: x[1], bias: hasBias ? x[2] : nil, activation: activation, residual: x[3])
    }
    func apart(_ x: [Tensor]) -> Tensor {
      dense(x[0], weight: x[1], bias: hasBias ? x[2] : nil, activation: activation) + x[3]
    }
    let found = try TracedFunction(shapes, fused).resultAndGradients()
    let expected = try TracedFunction(shapes, apart).resultAndGradients()
    for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-5) }
    // At a kink finite differences tell nothing.
    if activation == .relu || activation == .leakyRelu { return }
    try TracedFunction(shapes, fused).expectExactGradients(microbatch: 2)
  }

  /// As in a transformer's block, where what is added is also what goes in, by one way or another.
  @Test(arguments: [Activation.identity, .tanh, .silu])
  func theResidualMayBeTheInput(_ activation: Activation) throws {
    try TracedFunction([[3, 4], [4, 4], [4]]) {
      dense($0[0], weight: $0[1], bias: $0[2], activation: activation, residual: $0[0])
    }.expectExactGradients(microbatch: 3)
    try TracedFunction([[3, 4], [4, 4]]) { x in
      let inner = dense(x[0].tanh(), weight: x[1], activation: activation, residual: x[0])
      return dense(inner.tanh(), weight: x[1], activation: activation, residual: inner)
    }.expectExactGradients(microbatch: 3)
    try TracedFunction([[4, 4]]) {
      dense($0[0], weight: $0[0], activation: activation, residual: $0[0])
    }.expectExactGradients(microbatch: 4)
  }

  @Test func threadsDoNotChangeABit() throws {
    for activation in [Activation.identity, .relu, .gelu] {
      try TracedFunction([[300, 200], [200, 210], [210], [300, 210]]) {
        dense($0[0], weight: $0[1], bias: $0[2], activation: activation, residual: $0[3])
      }.expectSameBitsOnAnyThreads()
    }
  }

  @Test func aResidualOfAnotherShapeIsRefused() {
    let error = TracedFunction([[3, 4], [4, 5], [3, 4]]) { dense($0[0], weight: $0[1], residual: $0[2]) }
      .error
    #expect(error == "dense: expected residual [3, 5], found [3, 4]")
  }
}
