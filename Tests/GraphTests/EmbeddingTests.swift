import BLAS
import Graph
import Kernels
import Testing

@Suite struct EmbeddingTests {
  /// Repeated indices and one outside the table.
  private static let indices: [Int32] = [3, 0, 3, 3, 2, 0, 9, 3, 0, 4, -1, 2]

  private struct Model {
    let graph: Graph
    let indices, y: Tensor
    let target: Tensor

    init(samples: Int, times: Int, rows: Int, width: Int, positions: Int?) throws {
      let trace = Trace(microbatch: samples)
      indices = trace.input("indices", perSample: [times], of: .int32)
      let table = trace.parameter("table", [rows, width], .uniform(limit: 1))
      y = embedding(
        indices, table: table,
        positions: positions.map { trace.parameter("positions", [$0, width], .uniform(limit: 1)) })
      target = trace.input("target", perSample: [times, width])
      graph = try trace.finish(loss: meanSquaredError(y, target: target), outputs: [y])
    }

    func executor(threads: Int, indices values: [Int32]) -> Executor {
      let executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 4)
      set(executor, values)
      return executor
    }

    func set(_ executor: Executor, _ values: [Int32]) {
      let zeros = [Float](repeating: 0, count: y.shape.count)
      executor.setInput(indices, to: values.span, training: true)
      executor.setInput(target, to: zeros.span, training: true)
    }
  }

  @Test func rowsAreThoseOfTheTablePlusThePositions() throws {
    let model = try Model(samples: 3, times: 4, rows: 5, width: 7, positions: 6)
    let executor = model.executor(threads: 2, indices: Self.indices)
    executor.forward(training: true)
    let found = executor.elements(of: model.y, training: true)
    let table = executor.values(of: model.graph.parameters[0])
    let positions = executor.values(of: model.graph.parameters[1])
    for (place, index) in Self.indices.enumerated() {
      for column in 0..<7 {
        let value = found[place * 7 + column]
        if (0..<5).contains(index) {
          #expect(value == table[Int(index) * 7 + column] + positions[place % 4 * 7 + column])
        } else {
          #expect(value.isNaN)
        }
      }
    }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradients(_ wiring: GradientCheck.Wiring) throws {
    var indices: Tensor?
    func prepare(_ executor: Executor) {
      let values: [Int32] = [3, 0, 3, 3, 2, 0, 4, 3]
      if let indices { executor.setInput(indices, to: values.span, training: true) }
    }
    for shapes: [Shape] in [[[5, 6]], [[5, 6], [5, 6]]] {
      indices = nil
      let report = try GradientCheck.run(shapes, microbatch: 2, wiring: wiring, prepare: prepare) {
        trace, x in
        let given = indices ?? trace.input("indices", perSample: [4], of: .int32)
        indices = given
        return embedding(given, table: x[0], positions: x.count > 1 ? x[1] : nil)
      }
      #expect(report.worst < 1e-3 && report.checked > 9 * report.skipped, "\(report)")
    }
  }

  /// A gradient that overwrites clears the rows that no index chose, and positions beyond the sequence; the next one only adds.
  @Test func overwritingClearsAndAccumulatingAdds() throws {
    let model = try Model(samples: 2, times: 3, rows: 6, width: 4, positions: 5)
    let executor = model.executor(threads: 1, indices: [1, 1, 4, 4, 1, 9])
    let gradients = try #require(executor.gradients)
    for i in 0..<model.graph.arenaCount { gradients.base[i] = 7 }
    executor.forward(training: true)
    let y = executor.elements(of: model.y, training: true)
    executor.backward(scale: 1, accumulates: false)
    func gradient(_ parameter: Int) -> [Float] {
      Array(gradients[model.graph.parameters[parameter].range])
    }
    let once = gradient(0)
    for row in [0, 2, 3, 5] { #expect(once[row * 4..<(row + 1) * 4].allSatisfy { $0 == 0 }) }
    for column in 0..<4 {  // d/dy of the mean of y² over a sample's 12 elements is y / 6
      #expect(abs(once[4 + column] - (y[column] + y[4 + column] + y[16 + column]) / 6) < 1e-6)
    }
    #expect(gradient(1)[3 * 4..<5 * 4].allSatisfy { $0 == 0 })
    model.set(executor, [1, 1, 4, 4, 1, 0])
    executor.forward(training: true)
    executor.backward(scale: 1, accumulates: true)
    let twice = gradient(0)
    for i in 4..<8 { #expect(abs(twice[i] - 2 * once[i]) < 1e-5) }
    #expect(!twice[0..<4].allSatisfy { $0 == 0 })
  }

  @Test func anyNumberOfThreadsGivesTheSameBits() throws {
    let model = try Model(samples: 8, times: 70, rows: 40, width: 200, positions: 70)
    let indices = (0..<8 * 70).map { Int32(Philox(key: 6).block(at: $0, for: .synthetic).x % 40) }
    func run(_ threads: Int) -> [UInt32] {
      let executor = model.executor(threads: threads, indices: indices)
      executor.forward(training: true)
      executor.backward(scale: 1, accumulates: false)
      return (0..<model.graph.arenaCount).map { executor.gradients?.base[$0].bitPattern ?? 0 }
    }
    let one = run(1)
    for threads in [2, 3, 4] { #expect(run(threads) == one) }
  }

  @Test func aContextThatIsTooShortIsRefused() {
    #expect {
      try Model(samples: 2, times: 5, rows: 3, width: 4, positions: 4)
    } throws: {
      "\($0)" == "embedding: expected positions [context, 4] with a context of at least 5, found [4, 4]"
    }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func meansOverTime(_ wiring: GradientCheck.Wiring) throws {
    var lengths: Tensor?
    func prepare(_ executor: Executor) {
      if let lengths { executor.setInput(lengths, to: ([4, 1, 0, 9] as [Int32]).span, training: true) }
    }
    for isPadded in [false, true] {
      lengths = nil
      let report = try GradientCheck.run([[4, 4, 5]], microbatch: 4, wiring: wiring, prepare: prepare) {
        trace, x in
        guard isPadded else { return meanOverTime(x[0]) }
        let given = lengths ?? trace.input("lengths", perSample: [], of: .int32)
        lengths = given
        return meanOverTime(x[0], lengths: given)
      }
      #expect(report.worst < 1e-3 && report.skipped == 0, "\(report)")
    }
  }

  @Test func theMeanLeavesPaddingOut() throws {
    let trace = Trace(microbatch: 3)
    let x = trace.input("x", perSample: [2, 2])
    let lengths = trace.input("lengths", perSample: [], of: .int32)
    let y = meanOverTime(x, lengths: lengths)
    let graph = try trace.finish(loss: nil, outputs: [y])
    let executor = Executor(graph, pool: ThreadPool(threads: 1), seed: 1)
    executor.setInput(
      x, to: ([1, 2, 3, 4, 5, 6, .nan, .nan, .nan, .nan, .nan, .nan] as [Float]).span, training: false)
    executor.setInput(lengths, to: ([2, 1, 0] as [Int32]).span, training: false)
    executor.forward(training: false)
    #expect(executor.elements(of: y, training: false) == [2, 3, 5, 6, 0, 0])
  }
}
