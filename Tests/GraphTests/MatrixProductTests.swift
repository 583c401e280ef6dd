import Graph
import Kernels
import Testing

@Suite struct MatrixProductTests {
  private static let sizes: [[Int]] = [
    [1, 3, 4, 5], [6, 7, 5, 3], [40, 16, 16, 16], [2, 150, 130, 140], [3, 1, 1, 1],
  ]

  private static func shapes(_ s: [Int], _ transposeA: Bool, _ transposeB: Bool) -> [Shape] {
    [
      Shape([s[0]] + (transposeA ? [s[3], s[1]] : [s[1], s[3]])),
      Shape([s[0]] + (transposeB ? [s[2], s[3]] : [s[3], s[2]])),
    ]
  }

  @Test(arguments: sizes, [(false, false), (false, true), (true, false), (true, true)])
  func batchesAreThoseOfTheFormula(_ s: [Int], _ transposed: (Bool, Bool)) throws {
    let shapes = Self.shapes(s, transposed.0, transposed.1)
    let a = TracedFunction.numbers(shapes[0].count, key: 1)
    let b = TracedFunction.numbers(shapes[1].count, key: 2)
    let traced = TracedFunction(shapes) {
      matmul($0[0], $0[1], transposeA: transposed.0, transposeB: transposed.1)
    }
    let found = try traced(a, b)
    #expect(found.shape == [s[0], s[1], s[2]])
    let (m, n, k) = (s[1], s[2], s[3])
    for batch in 0..<s[0] {
      for i in Set([0, m / 2, m - 1]) {
        for j in 0..<n {
          let exact = (0..<k).reduce(0.0) { sum, l in
            let x = a[batch * m * k + (transposed.0 ? l * m + i : i * k + l)]
            let y = b[batch * n * k + (transposed.1 ? j * k + l : l * n + j)]
            return sum + Double(x) * Double(y)
          }
          #expect(abs(Double(found.elements[(batch * m + i) * n + j]) - exact) < 1e-5)
        }
      }
    }
    if m * n * k < 500 { try traced.expectExactGradients() }
  }

  @Test func matricesWithoutABatchAndWithTwoLeadingAxes() throws {
    try TracedFunction([[3, 4], [4, 5]]) { matmul($0[0], $0[1]) }.expectExactGradients()
    let four = TracedFunction([[2, 3, 4, 5], [2, 3, 6, 5]]) { matmul($0[0], $0[1], transposeB: true) }
    #expect(
      try four(TracedFunction.numbers(120, key: 1), TracedFunction.numbers(180, key: 1)).shape == [
        2, 3, 4, 6,
      ])
    try four.expectExactGradients()
  }

  @Test func aMatrixWithItself() throws {
    try TracedFunction([[4, 4]]) { matmul($0[0], $0[0]) }.expectExactGradients()
    try TracedFunction([[3, 4]]) { matmul($0[0], $0[0], transposeB: true) }.expectExactGradients()
    try TracedFunction([[3, 4]]) { matmul($0[0], $0[0], transposeA: true) }.expectExactGradients()
  }

  @Test(arguments: [[150, 16, 16, 16], [2, 130, 140, 190], [1, 200, 210, 150], [7, 64, 64, 32]])
  func threadsDoNotChangeABit(_ s: [Int]) throws {
    for transposed in [(false, false), (true, true)] {
      try TracedFunction(Self.shapes(s, transposed.0, transposed.1)) {
        matmul($0[0], $0[1], transposeA: transposed.0, transposeB: transposed.1)
      }.expectSameBitsOnAnyThreads()
    }
  }

  @Test func shapesThatDoNotFitAreRefused() {
    #expect(
      TracedFunction([[2, 3, 4], [2, 5, 6]]) { matmul($0[0], $0[1]) }.error
        == "matmul: expected [..., m, k] and [..., k, n] with equal leading axes, found [2, 3, 4] and [2, 5, 6]"
    )
    #expect(
      TracedFunction([[3, 4], [4, 6]]) { matmul($0[0], $0[1], transposeA: true) }.error.contains(
        "[..., k, m]"))
    #expect(TracedFunction([[2, 3, 4], [3, 4, 6]]) { matmul($0[0], $0[1]) }.error.contains("leading"))
    #expect(TracedFunction([[4], [4]]) { matmul($0[0], $0[1]) }.error.contains("leading"))
    #expect(TracedFunction([[2, 3, 4], [4, 6]]) { matmul($0[0], $0[1]) }.error.contains("leading"))
  }
}
