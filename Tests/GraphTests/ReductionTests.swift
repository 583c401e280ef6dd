import BLAS
import Foundation
import Graph
import Kernels
import Testing

@Suite struct ReductionTests {
  private static let cases: [(shape: Shape, axes: [Int])] = [
    ([7], [0]), ([5, 37], [0]), ([5, 37], [1]), ([5, 37], [0, 1]), ([3, 4, 5], [1]), ([3, 4, 5], [0, 2]),
    ([2, 3, 4, 5], [1, 3]), ([2, 3, 4, 5], [0, 2]), ([3, 1, 5], [1]), ([1, 1], [0, 1]), ([3, 4, 5], [-1]),
    // Long enough for partial results.
    ([70_000], [0]), ([5_000, 16], [0]), ([3, 50_000], [1]), ([2, 9_000, 5], [1]), ([300, 2, 400], [0, 2]),
  ]

  @Test(arguments: cases) func resultsAreThoseOfTheFormula(_ shape: Shape, _ axes: [Int]) throws {
    let x = TracedFunction.numbers(shape.count, key: 3)
    let chosen = Set(axes.map { $0 < 0 ? $0 + shape.rank : $0 })
    let kept = Shape(shape.extents.enumerated().map { chosen.contains($0) ? 1 : $1 })
    var sums = [Double](repeating: 0, count: kept.count)
    var largest = [Float](repeating: -.infinity, count: kept.count)
    for (place, value) in zip(places(of: shape), x) {
      let index = offset(of: place, in: kept)
      sums[index] += Double(value)
      largest[index] = max(largest[index], value)
    }
    let length = Double(shape.count / kept.count)
    let sum = try TracedFunction([shape]) { $0[0].sum(axes) }(x)
    let mean = try TracedFunction([shape]) { $0[0].mean(axes, keepsAxes: true) }(x)
    let maximum = try TracedFunction([shape]) { $0[0].maximum(axes) }(x)
    #expect(mean.shape == kept)
    #expect(sum.shape.extents == shape.extents.enumerated().filter { !chosen.contains($0.0) }.map(\.1))
    #expect(maximum.elements == largest)
    for (index, exact) in sums.enumerated() {
      #expect(abs(Double(sum.elements[index]) - exact) < 1e-6 * length)
      #expect(abs(Double(mean.elements[index]) - exact / length) < 1e-6)
    }
  }

  @Test(arguments: cases.prefix(11)) func gradients(_ shape: Shape, _ axes: [Int]) throws {
    for keepsAxes in [false, true] {
      try TracedFunction([shape]) { $0[0].sum(axes, keepsAxes: keepsAxes) }.expectExactGradients()
      try TracedFunction([shape]) { $0[0].mean(axes, keepsAxes: keepsAxes) }.expectExactGradients()
    }
  }

  /// Where two elements change places the function has a kink: a few are skipped.
  @Test(arguments: [[0], [1], [0, 1]]) func gradientOfTheMaximum(_ axes: [Int]) throws {
    let report = try GradientCheck.run([[4, 5]], microbatch: 1) { _, x in x[0].maximum(axes) }
    #expect(report.worst < 1e-3 && report.checked > 3 * report.skipped, "\(report)")
  }

  @Test func equalMaximaShareTheGradient() throws {
    let gradient = try gradient(of: [[3, 1, 3], [2, 2, 2]]) { $0.maximum([1]) }
    let third: Float = 1 / 3
    #expect(gradient == [0.5, 0, 0.5, third, third, third])
  }

  /// The gradient of the sum of the results.
  private func gradient(of rows: [[Float]], _ body: (Tensor) -> Tensor) throws -> [Float] {
    let trace = Trace(microbatch: 1)
    let x = trace.parameter("x", [rows.count, rows[0].count], .zeros)
    let graph = try trace.finish(loss: body(x), outputs: [])
    let executor = Executor(graph, pool: ThreadPool(threads: 1), seed: 1)
    executor.parameters.withMutableElements(graph.parameters[0].range) { elements in
      for (i, value) in rows.joined().enumerated() { elements[i] = value }
    }
    executor.forward(training: true)
    executor.backward(scale: 1, accumulates: false)
    guard let gradients = executor.gradients else { return [] }
    return graph.parameters[0].range.map { gradients.elements[$0] }
  }

  @Test func whatIsNotANumberIsTheMaximum() throws {
    let found = try TracedFunction([[2, 40]]) { $0[0].maximum([1]) }(
      (0..<80).map { $0 == 33 ? .nan : Float($0) })
    #expect(found.elements[0].isNaN && found.elements[1] == 79)
    let infinite = try TracedFunction([[3]]) { $0[0].maximum() }([-.infinity, -.infinity, -.infinity])
    #expect(infinite.elements == [-.infinity])
  }

  @Test(arguments: [
    ([130, 600], [0]), ([130, 600], [1]), ([130, 600], [0, 1]), ([40, 40, 50], [0, 2]),
  ])
  func threadsDoNotChangeABit(_ extents: [Int], _ axes: [Int]) throws {
    try TracedFunction([Shape(extents)]) { $0[0].mean(axes) }.expectSameBitsOnAnyThreads()
    try TracedFunction([Shape(extents)]) { $0[0].maximum(axes) }.expectSameBitsOnAnyThreads()
  }

  @Test func axesThatAreNotThereAreRefused() {
    #expect(
      TracedFunction([[3, 4]]) { $0[0].sum([2]) }.error == "sum: expected different axes of [3, 4], found [2]"
    )
    #expect(TracedFunction([[3, 4]]) { $0[0].mean([1, -1]) }.error.contains("different axes"))
  }

  @Test(arguments: [1, 3, 10, 32, 33, 257]) func softmaxOfRows(_ columns: Int) throws {
    let x = TracedFunction.numbers(9 * columns, key: 6).map { 20 * $0 }
    let shape: Shape = [3, 3, columns]
    let found = try TracedFunction([shape]) { $0[0].softmax() }(x).elements
    let logarithm = try TracedFunction([shape]) { $0[0].logSoftmax() }(x).elements
    for row in 0..<9 {
      let range = row * columns..<(row + 1) * columns
      let sum = x[range].reduce(0.0) { $0 + Foundation.exp(Double($1)) }
      for i in range {
        let exact = Foundation.exp(Double(x[i])) / sum
        #expect(abs(Double(found[i]) - exact) < 1e-6)
        #expect(abs(Double(logarithm[i]) - Foundation.log(exact)) < 1e-5)
      }
    }
    if columns > 40 { return }
    try TracedFunction([[3, columns]]) { $0[0].softmax() }.expectExactGradients(microbatch: 3)
    try TracedFunction([[3, columns]]) { $0[0].logSoftmax() }.expectExactGradients(microbatch: 3)
  }

  @Test func softmaxOfTheEdges() throws {
    let soft = TracedFunction([[1, 3]]) { $0[0].softmax() }
    let logarithm = TracedFunction([[1, 3]]) { $0[0].logSoftmax() }
    #expect(try soft([1e30, 0, -1e30]).elements == [1, 0, 0])
    #expect(try logarithm([200, 0, -200]).elements == [0, -200, -400])
    #expect(try soft([0, -.infinity, 0]).elements == [0.5, 0, 0.5])
    for function in [soft, logarithm] {
      #expect(try function([0, .nan, 0]).elements.allSatisfy { $0.isNaN })
      #expect(try function([.infinity, 0, 0]).elements.contains { $0.isNaN })
    }
  }

  @Test func softmaxHasTheSameBitsOnAnyThreads() throws {
    try TracedFunction([[350, 100]]) { $0[0].softmax() }.expectSameBitsOnAnyThreads()
    try TracedFunction([[350, 100]]) { $0[0].logSoftmax() }.expectSameBitsOnAnyThreads()
  }
}
