import BLAS
import Kernels
import Testing

@testable import Graph

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
