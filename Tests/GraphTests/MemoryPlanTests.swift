import BLAS
import Kernels
import Testing

@testable import Graph

/// The same elements as rows of another length.
private struct ViewOperation: Operation {
  let shape: Shape
  var name: String { "view" }
  var backwardReads: BackwardReads { .nothing }
  var isView: Bool { true }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { shape }
  func forward(_ context: ForwardContext) { preconditionFailure("a view computes nothing") }
  func backward(_ context: BackwardContext) { preconditionFailure("a view computes nothing") }
}

/// A random graph of the operations at hand: chains, sums of earlier results, views, shared weights, blocks.
///
/// - Parameter recomputes: whether the blocks are computed again for backward.
private func randomGraph(
  seed: UInt64, recomputes: Bool = true
) throws -> (graph: Graph, x: Tensor, loss: Tensor) {
  let generator = Philox(key: seed)
  var drawn = 0
  func draw(below bound: Int) -> Int {
    drawn += 1
    return Int(generator.block(at: drawn, for: .synthetic).x) % bound
  }
  let trace = Trace(microbatch: 6)
  let x = trace.input("x", perSample: [8])
  let shared = trace.parameter("shared", [8, 8], .heNormal)
  var results = [x]
  /// Through a layer of another width and back, so that buffers differ in size.
  func detour(_ a: Tensor, _ index: Int) -> Tensor {
    let width = 1 + draw(below: 60)
    let there = trace.parameter("there\(index)", [8, width], .heNormal)
    let back = trace.parameter("back\(index)", [width, 8], .heNormal)
    return dense(relu(dense(a, weight: there, activation: .gelu)), weight: back)
  }
  func view(_ a: Tensor) -> Tensor {
    let (rows, columns) = (a.shape.rows, a.shape.columns)
    let halves = trace.record(ViewOperation(shape: [2 * rows, columns / 2]), a)
    // Element-wise operations on a view may work in place, or must not.
    let changed = draw(below: 2) == 0 ? gelu(halves) : relu(halves)
    return trace.record(ViewOperation(shape: a.shape), changed)
  }
  /// A few layers, with sums and views between them, as a block.
  func block(_ a: Tensor, _ outside: Tensor) -> Tensor {
    let body = {
      var y = dense(dropout(a, probability: 0.2), weight: shared, activation: .gelu)
      if draw(below: 2) == 0 { y = view(y) + a }
      if draw(below: 2) == 0 { y = tanh(y) + outside }
      return dense(view(outside), weight: shared, activation: .relu) + gelu(y)
    }
    return recomputes ? trace.recomputed(body) : body()
  }
  for index in 0..<3 + draw(below: 20) {
    let a = results[draw(below: results.count)]
    let b = results[draw(below: results.count)]
    switch draw(below: 11) {
    case 6: results.append(detour(a, index))
    case 8: results.append(view(a))
    case 9, 10: results.append(block(a, b))
    case 0: results.append(a + b)
    case 1: results.append(relu(a))
    case 2: results.append(gelu(a))
    case 3: results.append(dropout(a, probability: 0.3))
    case 4: results.append(dense(a, weight: shared, activation: .tanh))
    case 5:
      let bias = trace.parameter("b\(index)", [8], .zeros)
      results.append(
        dense(a, weight: trace.parameter("w\(index)", [8, 8], .heNormal), bias: bias, activation: .gelu))
    default: results.append(tanh(a))
    }
  }
  let last = dense(results.last ?? x, weight: shared)
  let loss = meanSquaredError(last, target: results[draw(below: results.count)])
  return (try trace.finish(loss: loss, outputs: [last]), x, loss)
}

@Suite struct MemoryPlanTests {
  @Test(arguments: 1...60) func buffersThatLiveTogetherDoNotOverlap(_ seed: Int) throws {
    let graph = try randomGraph(seed: UInt64(seed)).graph
    for training in [false, true] {
      let plan = MemoryPlan(graph, training: training)
      #expect(plan.buffers.allSatisfy { $0.start <= $0.end })
      for (index, a) in plan.buffers.enumerated() {
        #expect(a.offset % Arena.alignment == 0 && a.offset + a.count <= plan.arenaCount)
        for b in plan.buffers[..<index] where a.start <= b.end && b.start <= a.end {
          #expect(a.offset + a.count <= b.offset || b.offset + b.count <= a.offset, "seed \(seed)")
        }
      }
    }
  }

  /// The oracle: the same graph with each buffer in memory of its own computes the same bits.
  @Test(arguments: 1...60) func reuseDoesNotChangeOneBit(_ seed: Int) throws {
    let (graph, x, loss) = try randomGraph(seed: UInt64(seed))
    func run(reuse: Bool) -> ([UInt32], [UInt32]) {
      let executor = Executor(graph, pool: ThreadPool(threads: 1), seed: 5, reuse: reuse)
      let input = (0..<48).map { Philox.uniform(Philox(key: 3).block(at: $0, for: .synthetic).x) - 0.5 }
      for accumulates in [false, true] {
        executor.setInput(x, to: input.span, training: true)
        executor.forward(training: true, at: Position(step: 1, firstSample: 6))
        executor.backward(scale: 0.25, accumulates: accumulates)
      }
      let gradients = (0..<graph.arenaCount).map { executor.gradients?.base[$0].bitPattern ?? 0 }
      return (executor.elements(of: loss, training: true).map(\.bitPattern), gradients)
    }
    let isSame = run(reuse: true) == run(reuse: false)
    #expect(isSame, "seed \(seed)")
    #expect(
      MemoryPlan(graph, training: true).arenaCount
        < MemoryPlan(graph, training: true, reuse: false).arenaCount)
  }

  /// Values that are computed again are the same values.
  @Test(arguments: 1...60) func computingAgainDoesNotChangeOneBit(_ seed: Int) throws {
    func run(recomputes: Bool) throws -> [UInt32] {
      let (graph, x, loss) = try randomGraph(seed: UInt64(seed), recomputes: recomputes)
      let executor = Executor(graph, pool: ThreadPool(threads: 1), seed: 5)
      let input = (0..<48).map { Philox.uniform(Philox(key: 3).block(at: $0, for: .synthetic).x) - 0.5 }
      for accumulates in [false, true] {
        executor.setInput(x, to: input.span, training: true)
        executor.forward(training: true, at: Position(step: 1, firstSample: 6))
        executor.backward(scale: 0.25, accumulates: accumulates)
      }
      return executor.elements(of: loss, training: true).map(\.bitPattern)
        + (0..<graph.arenaCount).map { executor.gradients?.base[$0].bitPattern ?? 0 }
    }
    let isSame = try run(recomputes: true) == run(recomputes: false)
    #expect(isSame, "seed \(seed)")
  }

  @Test func recomputedBlocksTakeTheMemoryOfOne() throws {
    func count(recomputes: Bool) throws -> Int {
      let trace = Trace(microbatch: 32)
      var x = trace.input("x", perSample: [128])
      for block in 0..<8 {
        let body = {
          var y = x
          for layer in 0..<4 {
            let weight = trace.parameter("w\(block).\(layer)", [128, 128], .heNormal)
            y = dense(y, weight: weight, activation: .gelu)
          }
          return y
        }
        x = recomputes ? trace.recomputed(body) : body()
      }
      let loss = meanSquaredError(x, target: trace.input("y", perSample: [128]))
      return MemoryPlan(try trace.finish(loss: loss, outputs: []), training: true).arenaCount
    }
    // Of each block its input is kept; of the one at work its 4 layers' values and pre-activations as well.
    let value = 32 * 128
    #expect(try count(recomputes: false) > 64 * value)
    #expect(try count(recomputes: true) < (8 + 8 + 6) * value)
  }

  @Test func aChainOfLayersReusesMemory() throws {
    let trace = Trace(microbatch: 32)
    var x = trace.input("x", perSample: [128])
    for layer in 0..<10 {
      x = dense(x, weight: trace.parameter("w\(layer)", [128, 128], .heNormal), activation: .relu)
    }
    let graph = try trace.finish(loss: nil, outputs: [x])
    // Two values are alive at a time, whatever the depth.
    #expect(MemoryPlan(graph, training: false).arenaCount == 2 * 32 * 128)
  }
}
