import BLAS
import Kernels
import Testing

@testable import Graph

/// Backward that adds whole gradients to an arena leaves what backward into an arena of its own and a sum would.
@Suite struct WholeAdditionTests {
  private func numbers(_ count: Int, _ key: UInt64) -> [Float] {
    (0..<count).map { Philox.uniform(Philox(key: key).block(at: $0, for: .synthetic).x) - 0.5 }
  }

  /// - Parameter pass: a forward pass of microbatch 0 or 1.
  private func check(
    _ graph: Graph, threads: Int = 1, _ comment: String, pass: (Executor, Int) -> Void
  ) {
    let pool = ThreadPool(threads: threads)
    let parameters = Arena(count: graph.arenaCount)
    graph.initialize(parameters, seed: 7)
    let arenas = (0..<2).map { _ in Arena(count: graph.arenaCount) }
    let executor = Executor(
      graph, pool: pool, seed: 7, parameters: parameters, gradients: arenas, addsWhole: true)
    for number in 0..<2 {
      pass(executor, number)
      executor.backward(scale: 0.25, into: number, mode: .overwrites)
    }
    let expected = (0..<graph.arenaCount).map { arenas[0].base[$0] + arenas[1].base[$0] }
    pass(executor, 0)
    executor.backward(scale: 0.25, into: 0, mode: .overwrites)
    pass(executor, 1)
    var mark = graph.arenaCount
    executor.backward(scale: 0.25, into: 0, mode: .addsWhole) { offset, _ in
      #expect(offset <= mark)
      // Whatever is said to be final is.
      for index in offset..<mark where arenas[0].base[index].bitPattern != expected[index].bitPattern {
        Issue.record("\(comment): element \(index) at watermark \(offset)")
        break
      }
      mark = offset
    }
    #expect(mark == 0)
  }

  @Test(arguments: 1...60) func ofRandomGraphs(_ seed: Int) throws {
    let (graph, x, _) = try randomGraph(seed: UInt64(seed))
    check(graph, "seed \(seed)") { executor, number in
      executor.setInput(x, to: numbers(48, UInt64(number)).span, training: true)
      executor.forward(training: true, at: Position(step: 1, firstSample: 6 * number))
    }
  }

  /// Products whose inner size is one block of OpenBLAS's, or several, on tiles of several shapes.
  @Test(arguments: [3, 64, 200, 330, 500, 900], 1...3) func ofProducts(rows: Int, threads: Int) throws {
    let trace = Trace(microbatch: rows)
    let x = trace.input("x", perSample: [70])
    let hidden = dense(
      x, weight: trace.parameter("a", [70, 300], .heNormal), bias: trace.parameter("b", [300], .zeros),
      activation: .tanh)
    let y = dense(hidden, weight: trace.parameter("c", [300, 9], .heNormal))
    let target = trace.input("t", perSample: [9])
    let graph = try trace.finish(loss: meanSquaredError(y, target: target), outputs: [y])
    check(graph, threads: threads, "\(rows) rows") { executor, number in
      executor.setInput(x, to: numbers(rows * 70, UInt64(number)).span, training: true)
      executor.setInput(target, to: numbers(rows * 9, UInt64(7 + number)).span, training: true)
      executor.forward(training: true)
    }
  }

  /// Weights that are many and pixels that are few: their gradients are written once, so they are added where they lie.
  @Test(arguments: 1...3) func ofConvolutionsByPanels(threads: Int) throws {
    let trace = Trace(microbatch: 3)
    let x = trace.input("x", perSample: [5, 6, 80])
    let first = convolution2D(
      x, weight: trace.parameter("a", [3, 3, 80, 370], .heNormal),
      bias: trace.parameter("b", [370], .zeros), stride: 2, activation: .tanh)
    let y = convolution2D(first, weight: trace.parameter("c", [1, 1, 370, 720], .heNormal))
    let target = trace.input("t", perSample: [3, 3, 720])
    let graph = try trace.finish(loss: meanSquaredError(y, target: target), outputs: [y])
    let staged = zip(graph.parameters, GradientStaging.needs(graph).isStaged).filter(\.1).map(\.0.name)
    #expect(staged == ["b"])
    check(graph, threads: threads, "panels") { executor, number in
      executor.setInput(x, to: numbers(3 * 5 * 6 * 80, UInt64(number)).span, training: true)
      executor.setInput(target, to: numbers(3 * 9 * 720, UInt64(7 + number)).span, training: true)
      executor.forward(training: true)
    }
  }

  @Test func onlyWeightsOfProductsThatAreUsedOnceAreNotStaged() throws {
    let trace = Trace(microbatch: 4)
    let x = trace.input("x", perSample: [8])
    let tied = trace.parameter("tied", [8, 8], .heNormal)
    let a = dense(
      x, weight: trace.parameter("once", [8, 8], .heNormal), bias: trace.parameter("bias", [8], .zeros))
    let y = dense(relu(dense(a, weight: tied)), weight: tied)
    let graph = try trace.finish(loss: meanSquaredError(y, target: x), outputs: [y])
    let isStaged = GradientStaging.needs(graph).isStaged
    let staged = zip(graph.parameters, isStaged).filter { $0.1 }.map(\.0.name)
    #expect(Set(staged) == ["tied", "bias"])
    #expect(Executor.stagedCount(graph).gradients == 64 + 16)
  }
}
