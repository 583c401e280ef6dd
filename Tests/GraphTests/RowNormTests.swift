import BLAS
import Graph
import Kernels
import Testing

@Suite struct RowNormTests {
  private func draw(_ count: Int) -> [Float] {
    (0..<count).map { 6 * Philox.uniform(Philox(key: 12).block(at: $0, for: .synthetic).x) - 2 }
  }

  @Test(arguments: [1, 3, 16, 100, 385]) func rowsAreThoseOfTheFormula(_ columns: Int) throws {
    let rows = 37
    let trace = Trace(microbatch: rows)
    let x = trace.input("x", perSample: [columns])
    let gain = trace.parameter("gain", [columns], .uniform(limit: 1))
    let bias = trace.parameter("bias", [columns], .uniform(limit: 1))
    let layer = layerNorm(x, gain: gain, bias: bias)
    let rms = rmsNorm(x, gain: gain)
    let graph = try trace.finish(loss: nil, outputs: [layer, rms])
    let executor = Executor(graph, pool: ThreadPool(threads: 2), seed: 1)
    let input = draw(rows * columns)
    executor.setInput(x, to: input.span, training: false)
    executor.forward(training: false)
    let gains = executor.values(of: graph.parameters[0]).map { Double($0) }
    let biases = executor.values(of: graph.parameters[1]).map { Double($0) }
    let normal = executor.elements(of: layer, training: false)
    let scaled = executor.elements(of: rms, training: false)
    for row in 0..<rows {
      let values = input[row * columns..<(row + 1) * columns].map { Double($0) }
      let mean = values.reduce(0, +) / Double(columns)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
      let square = values.reduce(0) { $0 + $1 * $1 } / Double(columns)
      for column in 0..<columns {
        let place = row * columns + column
        let first = (values[column] - mean) / (variance + 1e-5).squareRoot() * gains[column] + biases[column]
        let second = values[column] / (square + 1e-5).squareRoot() * gains[column]
        #expect(abs(Double(normal[place]) - first) < 1e-5)
        #expect(abs(Double(scaled[place]) - second) < 1e-5)
      }
    }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradients(_ wiring: GradientCheck.Wiring) throws {
    let shapes: [Shape] = [[2, 3, 7], [7], [7]]
    let layer = try GradientCheck.run(shapes, microbatch: 2, wiring: wiring) { _, x in
      layerNorm(x[0], gain: x[1], bias: x[2], epsilon: 0.1)
    }
    #expect(layer.worst < 1e-3 && layer.checked > 9 * layer.skipped, "\(layer)")
    let plain = try GradientCheck.run([[5, 7], [7]], microbatch: 5, wiring: wiring) { _, x in
      layerNorm(x[0], gain: x[1], epsilon: 0.1)
    }
    #expect(plain.worst < 1e-3 && plain.checked > 9 * plain.skipped, "\(plain)")
    let rms = try GradientCheck.run([[5, 7], [7]], microbatch: 5, wiring: wiring) { _, x in
      rmsNorm(x[0], gain: x[1], epsilon: 0.1)
    }
    #expect(rms.worst < 1e-3 && rms.checked > 9 * rms.skipped, "\(rms)")
  }

  /// More rows than one part of the sums.
  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradientsOverManyRows(_ wiring: GradientCheck.Wiring) throws {
    let report = try GradientCheck.run([[70, 3], [3], [3]], microbatch: 70, wiring: wiring) { _, x in
      layerNorm(x[0], gain: x[1], bias: x[2], epsilon: 0.5)
    }
    #expect(report.worst < 1e-3 && report.checked > 9 * report.skipped, "\(report)")
  }

  @Test func anyNumberOfThreadsGivesTheSameBits() throws {
    let (rows, columns) = (1000, 96)
    let values = draw(rows * columns)
    func run(_ threads: Int) throws -> [UInt32] {
      let trace = Trace(microbatch: rows)
      let x = trace.parameter("x", [rows, columns], .uniform(limit: 2))
      let gain = trace.parameter("gain", [columns], .uniform(limit: 1))
      let bias = trace.parameter("bias", [columns], .uniform(limit: 1))
      let y = rmsNorm(layerNorm(x, gain: gain, bias: bias), gain: gain)
      let target = trace.input("target", perSample: [columns])
      let graph = try trace.finish(loss: meanSquaredError(y, target: target), outputs: [])
      let executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 1)
      executor.setInput(target, to: values.span, training: true)
      executor.forward(training: true)
      executor.backward(scale: 1, accumulates: false)
      return (0..<graph.arenaCount).map { executor.gradients?.base[$0].bitPattern ?? 0 }
    }
    let one = try run(1)
    for threads in [2, 3, 4] { #expect(try run(threads) == one) }
  }

  @Test func aGainThatDoesNotFitIsRefused() {
    let trace = Trace(microbatch: 2)
    let x = trace.input("x", perSample: [4])
    let y = rmsNorm(x, gain: trace.parameter("gain", [5], .constant(1)), name: "first")
    #expect { try trace.finish(loss: nil, outputs: [y]) } throws: {
      "\($0)" == "rmsNorm \"first\": expected gain [4], found [5]"
    }
  }
}
