import BLAS
import Graph
import Kernels
import Testing

/// A function over tensors, run on numbers: what it computes, and whether the number of threads changes a bit of it.
struct TracedFunction {
  let shapes: [Shape]
  let body: ([Tensor]) -> Tensor

  init(_ shapes: [Shape], _ body: @escaping ([Tensor]) -> Tensor) {
    self.shapes = shapes
    self.body = body
  }

  /// Numbers in (-1, 1) that depend on the key alone.
  static func numbers(_ count: Int, key: UInt64) -> [Float] {
    (0..<count).map { 2 * Philox.uniform(Philox(key: key).block(at: $0, for: .synthetic).x) - 1 }
  }

  /// The shape of the result and its elements.
  func callAsFunction(_ inputs: [Float]...) throws -> (shape: Shape, elements: [Float]) {
    let trace = Trace(microbatch: 1)
    let tensors = shapes.enumerated().map { trace.parameter("x\($0)", $1, .zeros) }
    let output = body(tensors)
    let graph = try trace.finish(loss: nil, outputs: [output])
    let executor = Executor(graph, pool: ThreadPool(threads: 2), seed: 1)
    for (parameter, values) in zip(graph.parameters, inputs) {
      executor.parameters.withMutableElements(parameter.range) { elements in
        for i in elements.indices { elements[i] = values[i] }
      }
    }
    executor.forward(training: false)
    return (output.shape, executor.elements(of: output, training: false))
  }

  /// The result and all gradients, for random inputs and a random gradient of the result, each gradient computed twice and added.
  func resultAndGradients(threads: Int = 1) throws -> [Float] {
    let trace = Trace(microbatch: 1)
    let tensors = shapes.enumerated().map { trace.parameter("x\($0)", $1, .uniform(limit: 1)) }
    let output = body(tensors)
    let loss = output * trace.parameter("weight", output.shape, .uniform(limit: 1))
    let graph = try trace.finish(loss: loss, outputs: [output])
    let executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 1)
    executor.forward(training: true)
    let result = executor.elements(of: output, training: true)
    executor.backward(scale: 1, accumulates: false)
    executor.forward(training: true)
    executor.backward(scale: 1, accumulates: true)
    guard let gradients = executor.gradients else { return [] }
    return result + gradients.elements.indices.map { gradients.elements[$0] }
  }

  func expectSameBitsOnAnyThreads(location: SourceLocation = #_sourceLocation) throws {
    let one = try resultAndGradients().map(\.bitPattern)
    #expect(!one.isEmpty, sourceLocation: location)
    for threads in 2...4 {
      #expect(
        try resultAndGradients(threads: threads).map(\.bitPattern) == one, "\(threads) threads",
        sourceLocation: location)
    }
  }

  /// The gradients, with either wiring, against finite differences.
  func expectExactGradients(
    microbatch: Int = 1, tolerance: Double = 1e-3, location: SourceLocation = #_sourceLocation
  ) throws {
    for wiring in GradientCheck.Wiring.allCases {
      let report = try GradientCheck.run(shapes, microbatch: microbatch, wiring: wiring) { _, x in body(x) }
      #expect(report.worst < tolerance, "\(wiring): \(report)", sourceLocation: location)
      #expect(report.checked > 9 * report.skipped, "\(wiring): \(report)", sourceLocation: location)
    }
  }

  /// What is said about the shapes.
  var error: String {
    let trace = Trace(microbatch: 1)
    let output = body(shapes.enumerated().map { trace.parameter("x\($0)", $1, .zeros) })
    do {
      _ = try trace.finish(loss: nil, outputs: [output])
      return "no error"
    } catch { return error.description }
  }
}

/// The places of a row-major tensor, in order.
func places(of shape: Shape) -> [[Int]] {
  shape.extents.reduce([[]]) { found, extent in found.flatMap { place in (0..<extent).map { place + [$0] } } }
}

/// Where a place lies in a row-major tensor; along an axis of extent 1 it lies at 0.
func offset(of place: [Int], in shape: Shape) -> Int {
  zip(place.suffix(shape.rank), shape.extents).reduce(0) { $0 * $1.1 + min($1.0, $1.1 - 1) }
}
